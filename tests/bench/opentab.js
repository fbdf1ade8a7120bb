// Runs in the page before its own scripts: when what was drawn, and the tasks that kept the main thread for too long.

(() => {
  const LABEL = /^([0-9]+) (nodes|workloads)/;
  const drawn = { strip: null, nodes: null, workloads: null };
  let [count, longest] = [0, 0];
  let redAt = null;

  // What a label says is painted in the next frame, and on the screen with the frame after that.
  const draw = (what, number) => {
    if (drawn[what]?.number === number) return;
    const mark = (drawn[what] = { number, firstMs: drawn[what]?.firstMs ?? 0, lastMs: 0 });
    requestAnimationFrame(() => requestAnimationFrame(() => {
      mark.lastMs = performance.now();
      mark.firstMs ||= mark.lastMs;
    }));
  };
  const look = () => {
    for (const canvas of document.querySelectorAll("canvas")) {
      const [, number, what] = LABEL.exec(canvas.getAttribute("aria-label")) ?? [];
      if (what) draw(what, Number(number));
    }
    if (document.querySelector(".strip .figure")) draw("strip", 1);
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["aria-label"] });

  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) [count, longest] = [count + 1, Math.max(longest, duration)];
  }).observe({ type: "longtask", buffered: true });

  window.kubesumBench = {
    drawn,
    longTasks: () => {
      const found = [count, longest];
      [count, longest] = [0, 0];
      return found;
    },
    // When the row of a name, which is not there yet, is red: milliseconds since 1970.
    watchFor: (name) => {
      redAt = new Promise((resolve) => {
        const red = () => [...document.querySelectorAll("tr[data-key]")].some((row) => row.dataset.key.endsWith(`/${name}`) && row.querySelector(".tone.bad"));
        const observer = new MutationObserver(() => {
          if (!red()) return;
          observer.disconnect();
          requestAnimationFrame(() => resolve(Date.now()));
        });
        observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
      });
    },
    redAt: () => redAt,
    rows: () => Number(document.querySelector("table.rows")?.getAttribute("aria-rowcount") ?? 0),
    show: (url) => {
      history.pushState(null, "", url);
      dispatchEvent(new PopStateEvent("popstate"));
    },
  };
})();
