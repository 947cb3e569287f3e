// A camera as a source of pictures: one frame in flight, the newest wins. See camera.py.

const CURE = {
  NotAllowedError: "The browser was not allowed to use the camera: allow it beside the page's address, or upload a picture.",
  NotFoundError: "No camera was found: plug one in, or upload a picture.",
  NotReadableError: "Another program has the camera: close that, or upload a picture.",
};

export default {
  render({ model, el }) {
    const bar = make(el, "div", { class: "vizkit-camera" });
    const button = (text, action) => {
      const one = make(bar, "button", { type: "button", class: "jupyter-button" });
      one.textContent = text;
      one.onclick = action;
      return one;
    };
    const start = button("Camera", () => (stream ? stop() : begin()));
    const freeze = button("Freeze", () => held(!frozen));
    const mirror = button("Mirror", () => {
      mirrored = !mirrored;
      mirror.setAttribute("aria-pressed", mirrored);
    });
    const says = make(bar, "div", { class: "vizkit-say", role: "status" });
    const video = make(null, "video");
    const canvas = make(null, "canvas");
    video.muted = true;
    video.playsInline = true;
    let stream = null, frozen = false, mirrored = true, flying = 0, number = 0, ours = 0;
    mirror.setAttribute("aria-pressed", mirrored);

    async function begin() {
      const problem = obstacle();
      if (problem) return (says.textContent = problem);
      try {
        stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 640 }, height: { ideal: 480 } } });
      } catch (error) {
        return (says.textContent = CURE[error.name] ?? `The camera cannot be used (${error.name}): upload a picture.`);
      }
      video.srcObject = stream;
      await video.play();
      says.textContent = where();
      held(false);
    }
    function obstacle() {
      if (location.protocol.startsWith("vscode")) return "VS Code gives notebooks no camera: upload a picture, or open the notebook in JupyterLab.";
      if (!isSecureContext) return "A browser gives no camera to a page that came over http: open it by https, or upload a picture.";
      if (!navigator.mediaDevices?.getUserMedia) return "This browser has no camera for pages: upload a picture.";
      return "";
    }
    function where() {
      const here = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
      return here ? "Frames stay on this machine and are not saved." : `Frames go to the kernel at ${location.hostname} and are not saved.`;
    }
    function stop() {
      for (const track of stream?.getTracks() ?? []) track.stop();
      stream = null;
      label();
    }
    function held(next) {
      frozen = next;
      label();
      if (!frozen) post();
    }
    function label() {
      start.textContent = stream ? "Stop" : "Camera";
      freeze.textContent = frozen ? "Go on" : "Freeze";
      freeze.disabled = !stream;
    }
    async function post() {
      if (!stream || frozen || flying || !video.videoWidth) return;
      flying = setTimeout(next, 2000); // an answer can be lost
      const scale = Math.min(1, model.get("side") / Math.min(video.videoWidth, video.videoHeight));
      canvas.width = Math.round(video.videoWidth * scale);
      canvas.height = Math.round(video.videoHeight * scale);
      const brush = canvas.getContext("2d");
      brush.setTransform(mirrored ? -1 : 1, 0, 0, 1, mirrored ? canvas.width : 0, 0);
      brush.drawImage(video, 0, 0, canvas.width, canvas.height);
      const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85));
      const bytes = await blob.arrayBuffer();
      if (stream) tell(model, { kind: "frame", number: (number += 1), waits: (ours = Math.random()) }, [bytes]);
    }
    function next() {
      clearTimeout(flying);
      flying = 0;
      post();
    }
    const answered = (message) => message.kind === "answered" && message.of === ours && next(); // a late one would let a second frame fly
    model.on("msg:custom", answered);
    label();
    return () => {
      clearTimeout(flying);
      stop();
      model.off("msg:custom", answered);
    };
  },
};
