// What is done before anything is painted; see _ext/book/light.py, which adds the icons' fonts.
"use strict";

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

// Type that comes after the text moves it. From a script it is there at once, whatever the host allows.
function addType(family, style, weight, data) {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  document.fonts.add(new FontFace(family, bytes, { style, weight }));
}

