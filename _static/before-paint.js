// What is done before anything is painted; see _ext/book/light.py, which adds the icons' fonts.
"use strict";

// A frame in a sandbox has no storage, nor has a browser that is to keep nothing: what is chosen there
// lasts as long as the page.
function isStorage(name) {
  try {
    globalThis[name].setItem("byhand", "");
    globalThis[name].removeItem("byhand");
    return true;
  } catch {
    return false;
  }
}

function memory() {
  const kept = new Map();
  return {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, String(value)),
    removeItem: (key) => void kept.delete(key),
  };
}

for (const name of ["localStorage", "sessionStorage"]) {
  if (!isStorage(name)) Object.defineProperty(globalThis, name, { value: memory() });
}

// A dark page is never seen light.
(({ dataset }) => {
  dataset.mode = localStorage.getItem("mode") || "auto";
  const dark = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  dataset.theme = dataset.mode === "auto" ? dark : dataset.mode;
})(document.documentElement);

// What a reader wants to try first is not seen before.
(({ dataset }) => {
  const asked = new URLSearchParams(location.search).has("try");
  if (asked || localStorage.getItem("byhand-try") === "on") dataset.try = "on";
})(document.documentElement);
