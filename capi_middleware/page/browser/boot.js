// The static part of the head snippet. It runs before anything else of the page's, so that whatever calls fbq later
// (the shop's own pixel, a tag manager) finds it there.
capi.q = [];
capi.tokens = capi.tokens || [];
capi.events = capi.events || [];
capi.track = function () { capi.q.push(['track', arguments]); };
capi.consent = function () { capi.q.push(['consent', arguments]); };
if (capi.state === 'granted' && capi.pixelUrl && !window.fbq) (function () {
  var fbq = window.fbq = function () {
    fbq.callMethod ? fbq.callMethod.apply(fbq, arguments) : fbq.queue.push(arguments);
  };
  window._fbq = window._fbq || fbq;
  fbq.push = fbq;
  fbq.loaded = true;
  fbq.version = '2.0';
  fbq.queue = [];
  fbq.disablePushState = true;
  var script = document.createElement('script');
  script.async = true;
  script.src = capi.pixelUrl;
  script.onerror = function () { capi.blocked = true; };
  document.head.appendChild(script);
})();
