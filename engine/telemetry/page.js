"use strict";
(() => {
  const timeline = document.querySelector(".timeline");
  const lanes = timeline.querySelector(".lanes");
  const cursor = timeline.querySelector(".cursor");
  const audio = document.querySelector("audio");
  const length = Number(timeline.dataset.length);
  const starts = Number(timeline.dataset.starts);
  const lines = [...document.querySelectorAll(".transcript button")];
  let zoom = 1;

  const show = (t) => {
    cursor.hidden = false;
    cursor.style.left = `${Math.min(Math.max(t / length, 0), 1) * 100}%`;
    let current = null;
    for (const line of lines) if (Number(line.dataset.t) <= t + 0.01) current = line;
    for (const line of lines) line.classList.toggle("now", line === current);
  };
  const seek = (t) => {
    if (audio) audio.currentTime = Math.max(0, t - starts);
    show(t);
    const x = (t / length) * lanes.clientWidth;
    if (x < timeline.scrollLeft || x > timeline.scrollLeft + timeline.clientWidth) timeline.scrollLeft = x - timeline.clientWidth / 3;
  };

  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-t]");
    if (target) {
      seek(Number(target.dataset.t));
      if (audio && target.closest(".transcript")) audio.play();
    } else if (event.target.closest(".lanes")) {
      seek(((event.clientX - lanes.getBoundingClientRect().left) / lanes.clientWidth) * length);
    }
    const step = event.target.closest("[data-zoom]");
    if (step) {
      zoom = step.dataset.zoom === "fit" ? 1 : Math.min(64, Math.max(1, zoom * Number(step.dataset.zoom)));
      const middle = (timeline.scrollLeft + timeline.clientWidth / 2) / lanes.clientWidth;
      lanes.style.width = `${zoom * 100}%`;
      timeline.scrollLeft = middle * lanes.clientWidth - timeline.clientWidth / 2;
    }
  });

  if (audio) {
    const follow = () => {
      show(audio.currentTime + starts);
      if (!audio.paused) requestAnimationFrame(follow);
    };
    audio.addEventListener("play", follow);
    audio.addEventListener("seeked", () => show(audio.currentTime + starts));
    document.addEventListener("keydown", (event) => {
      const on = (what) => event.target instanceof Element && event.target.closest(what);
      if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || on("audio")) return;
      if (event.key === " " && on("button, summary")) return; // space presses what has the focus
      if (event.key === " ") audio.paused ? audio.play() : audio.pause();
      else if (event.key === "ArrowLeft") seek(audio.currentTime + starts - 2);
      else if (event.key === "ArrowRight") seek(audio.currentTime + starts + 2);
      else return;
      event.preventDefault();
    });
  }
  document.documentElement.dataset.ready = "true";
})();
