/* The cookie plugin of the stand-in: keeps _fbp and _fbc, and has them sent. Written for capi_middleware's sandbox. */
fbq.registerPlugin("cookie", {
  __fbEventsPlugin: 1,
  plugin: function (fbq, instance) {
    "use strict";
    var LIFE = 7776000;
    function read(name) {
      var all = document.cookie.split("; ");
      for (var i = 0; i < all.length; i++) {
        if (all[i].indexOf(name + "=") === 0) return all[i].slice(name.length + 1);
      }
      return "";
    }
    /* The widest domain that the browser accepts, tried from the top as there is no list of suffixes here. */
    function write(name, make) {
      var labels = location.hostname.split(".");
      var bare = /^[\d.]+$|:/.test(location.hostname) || labels.length === 1;
      for (var take = bare ? labels.length : 2; take <= labels.length; take++) {
        var value = make(bare ? 0 : take - 1);
        var domain = bare ? "" : "; domain=." + labels.slice(-take).join(".");
        document.cookie = name + "=" + value + "; path=/; max-age=" + LIFE + "; samesite=lax" + domain;
        if (read(name) === value) return;
      }
    }
    function random() {
      return String(Math.floor(Math.random() * 1e9)) + String(Math.floor(Math.random() * 1e9));
    }
    var created = Date.now();
    if (!/^fb\.\d+\.\d+\.\d+/.test(read("_fbp"))) {
      var number = random();
      write("_fbp", function (level) { return "fb." + level + "." + created + "." + number; });
    }
    var click = new URLSearchParams(location.search).get("fbclid");
    if (click && read("_fbc").split(".").slice(3).join(".") !== click) {
      write("_fbc", function (level) { return "fb." + level + "." + created + "." + click; });
    }
    instance.cookies = function () { return {fbp: read("_fbp"), fbc: read("_fbc")}; };
  }
});
