// Keeps the shop on this machine: it listens on loopback alone and looks up nothing else. Its seed data would fetch
// pictures from the internet; without them products have none.
"use strict";
const dns = require("node:dns");
const net = require("node:net");

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, ...rest) {
  if (typeof port === "number" || /^\d+$/.test(port)) {
    return listen.call(this, Number(port), "127.0.0.1", ...rest.filter((one) => typeof one === "function"));
  }
  return listen.call(this, port, ...rest);
};

const lookup = dns.lookup;
dns.lookup = function (name, options, callback) {
  const done = typeof options === "function" ? options : callback;
  if (name === "localhost" || net.isIP(name)) {
    return lookup.call(dns, name, options, callback);
  }
  const error = Object.assign(new Error(`${name}: kept offline`), { code: "ENOTFOUND" });
  process.nextTick(done, error);
};
