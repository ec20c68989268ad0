// The picture: asks for the newest frame when the one before is drawn, so that nothing queues up anywhere.
(() => {
  const wanted = { spots: false, stretch: true, mark: true };
  let shown = 0, since = performance.now(), perSecond = 0, last = null;

  window.ntaView = {
    want(more) { Object.assign(wanted, more); },
    get shown() { return shown; },
  };

  function caption(head) {
    const words = document.getElementById("nta-caption");
    if (!words) return;
    const parts = [`${head.width} × ${head.height} px, ${head.bits} bit`, `${perSecond.toFixed(0)} pictures per s`,
                   `grey ${head.low} to ${head.high} of ${head.full}`];
    if (head.saturated) parts.push(`<b class="bad">${head.saturated} px saturated</b>`);
    const none = head.late ? '<span class="watch">no spots: the analysis is too far behind</span>' : "spots follow";
    if (wanted.spots) parts.push(head.spots ? `${head.spots.length} spots` : none);
    words.innerHTML = parts.join(" · ");
  }

  function draw(head, picture) {
    const canvas = document.getElementById("nta-picture"), over = document.getElementById("nta-spots");
    if (!canvas || !over) return;
    if (canvas.width !== picture.width || canvas.height !== picture.height) {
      canvas.width = picture.width;
      canvas.height = picture.height;
      canvas.parentElement.style.setProperty("--ratio", picture.width / picture.height);
    }
    canvas.getContext("2d").drawImage(picture, 0, 0);
    const scale = window.devicePixelRatio || 1, box = canvas.getBoundingClientRect();
    const width = Math.round(box.width * scale), height = Math.round(box.height * scale);
    if (over.width !== width || over.height !== height) { over.width = width; over.height = height; }
    const pen = over.getContext("2d");
    pen.clearRect(0, 0, width, height);
    if (!head.spots) return;
    pen.strokeStyle = "#56B4E9";
    pen.lineWidth = 1.5 * scale;
    for (const [x, y] of head.spots) {
      pen.beginPath();
      pen.arc((x + 0.5) * width / head.width, (y + 0.5) * height / head.height, 8 * scale, 0, 2 * Math.PI);
      pen.stroke();
    }
  }

  function count(head) {
    shown += 1;
    const now = performance.now();
    if (now - since > 1000) { perSecond = (shown - (last ?? 0)) * 1000 / (now - since); last = shown; since = now; }
    if (shown % 5 === 1) caption(head);
  }

  // what is no longer live must not look as if it were: without a new picture that alone, without the server all of the page
  function stale(yes) { document.getElementById("nta-stage")?.classList.toggle("stale", yes); }
  function cut(yes) { document.body.classList.toggle("nta-cut", yes); }

  let watch = 0;
  function ask(socket) {
    socket.send(JSON.stringify(wanted));
    clearTimeout(watch);
    // a computer that slept, or a network that is gone, closes nothing: the server answers within a second
    watch = setTimeout(() => { cut(true); socket.close(); }, 5000);
  }

  async function received(socket, data) {
    clearTimeout(watch);
    cut(false);
    const length = new DataView(data).getUint32(0);
    const head = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
    stale(!head.width);
    if (head.width) {
      const picture = await createImageBitmap(new Blob([new Uint8Array(data, 4 + length)], { type: "image/jpeg" }));
      draw(head, picture);
      picture.close();
      count(head);
    }
    // a page in the background draws nothing, and then asks for nothing
    requestAnimationFrame(() => { if (socket.readyState === 1) ask(socket); });
  }

  function connect() {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/view`);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => ask(socket);
    socket.onmessage = (event) => received(socket, event.data).catch(() => socket.close());
    socket.onclose = () => { clearTimeout(watch); cut(true); setTimeout(connect, 1000); };
  }
  window.addEventListener("load", connect);
})();
