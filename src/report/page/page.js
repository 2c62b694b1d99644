"use strict";
// The cluster at any instant of the run: a column for each node, a tile for each task. One time for tiles, charts and events.
(() => {
  const run = JSON.parse(document.getElementById("run").textContent);
  const STOPPING = 16, IN_ROTATION = 32, REMOVED = 64;
  const RUNNING = run.states.indexOf("running");
  const COMPLETE = run.states.indexOf("complete");
  const SHUTDOWN = run.states.indexOf("shutdown");
  const ASSIGNED = run.states.indexOf("assigned");
  const SPEEDS = [0.25, 0.5, 1, 2, 5, 10, 20, 60, 120, 300];
  // How long the whole run takes to play at first, in seconds.
  const SHOW = 24;

  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const make = (name, className, parent) => {
    const element = document.createElement(name);
    element.className = className;
    if (parent) parent.append(element);
    return element;
  };

  // --- The run, as it was recorded.
  const tasks = [];
  for (let i = 0; i < run.tasks.length; i += 5) {
    const [task, service, slot, version, node] = run.tasks.slice(i, i + 5);
    const place = "." + (slot || (node ? run.nodes[node - 1].name : ""));
    const name = run.services[service].name + place;
    tasks.push({ task, service, slot, version, node, name, place, code: REMOVED, ended: Infinity, column: null });
  }
  const count = run.changes.length / 3;
  const times = new Float64Array(count);
  for (let i = 0, steps = 0; i < count; i++) {
    steps += run.changes[3 * i];
    times[i] = steps * run.step;
  }
  const events = all(".events li");
  // Instants at which something changes, for the steps.
  const instants = [...new Set([...times, ...events.map((event) => Number(event.dataset.ms))])].sort((a, b) => a - b);
  // The last of these sorted rows whose first value is at most `time`.
  const rowAt = (rows, time) => {
    let [low, high] = [0, rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rows[middle][0] <= time) low = middle + 1;
      else high = middle;
    }
    return rows[low - 1];
  };

  // --- The cluster as it stands at `now`.
  let now = 0;
  // Changes up to this one have come to pass; each says what code its task gets, and here stands what it had before.
  let next = count;
  const priors = new Uint8Array(count);
  // Tasks in the order in which they end badly; those before `gone` are out of view.
  const failing = [];
  let gone = 0;
  const dirty = new Set();
  const isThere = (task) => task.code < REMOVED && task.code % STOPPING < COMPLETE;
  const hasEndedBadly = (task) => task.code < REMOVED && task.code % STOPPING >= COMPLETE && task.code % STOPPING !== SHUTDOWN;
  const isShown = (task) => isThere(task) || (hasEndedBadly(task) && now - task.ended <= run.linger);

  const taskOf = (change) => tasks[run.changes[3 * change + 1]];
  const turn = (task, code) => {
    task.code = code;
    dirty.add(task);
  };
  const goTo = (time) => {
    now = time;
    for (; next < count && times[next] <= now; next++) turn(taskOf(next), run.changes[3 * next + 2]);
    for (; next > 0 && times[next - 1] > now; next--) turn(taskOf(next - 1), priors[next - 1]);
    const isGone = (task) => now - task.ended > run.linger;
    while (gone < failing.length && isGone(failing[gone])) dirty.add(failing[gone++]);
    while (gone > 0 && !isGone(failing[gone - 1])) dirty.add(failing[--gone]);
  };

  // --- Columns and tiles.
  const stage = one(".stage");
  const columns = one(".columns", stage);
  const column = (name, index) => {
    const element = make("section", "column", columns);
    const head = make("h3", "", element);
    head.append(name);
    const status = make("span", "", head);
    const list = make("ul", "tiles", element);
    list.setAttribute("aria-label", "tasks on " + name);
    return { element, status, list, index, tasks: new Set(), tiles: [] };
  };
  const nowhere = column("no node yet", 0);
  nowhere.element.classList.add("nowhere");
  let hasWords = true;
  const nodes = [nowhere, ...run.nodes.map((node, index) => column(node.name, index + 1))];
  const columnOf = (task) => (task.code % STOPPING < ASSIGNED ? nowhere : nodes[task.node]);
  const before = (a, b) => a.service - b.service || a.slot - b.slot || a.task - b.task;

  // Tiles stay where they are: it is cheaper to give them other tasks than to move them.
  const addTile = ({ list, tiles }) => {
    const tile = make("li", "", list);
    if (hasWords) {
      const name = make("b", "", tile);
      make("span", "", name);
      name.append("");
      make("i", "", tile);
    }
    tiles.push(tile);
  };

  const showTask = (tile, task) => {
    if (tile.task === task && tile.code === task.code) return;
    [tile.task, tile.code] = [task, task.code];
    const state = run.states[task.code % STOPPING];
    const stopping = task.code & STOPPING;
    const serving = task.code & IN_ROTATION;
    const look = !isThere(task) ? "ended" : stopping ? "stopping" : state;
    const className = `tile v${task.version} ${look}${serving ? " serving" : ""}`;
    if (tile.className !== className) tile.className = className;
    tile.dataset.task = task.task;
    tile.dataset.state = state;
    const words = state + (stopping ? ", stopping" : "") + (serving ? ", in rotation" : "");
    tile.title = `${task.name} task ${task.task} (${run.versions[task.version]}): ${words}`;
    if (!hasWords) return;
    const [name, last] = tile.children;
    name.firstChild.textContent = run.services[task.service].name;
    name.lastChild.textContent = task.slot ? task.place : "";
    last.textContent = stopping ? "stopping" : state;
  };

  const showTasks = () => {
    const changed = new Set();
    for (const task of dirty) {
      const to = isShown(task) ? columnOf(task) : null;
      if (task.column && task.column !== to) {
        task.column.tasks.delete(task);
        changed.add(task.column);
      }
      task.column = to;
      if (to) {
        to.tasks.add(task);
        changed.add(to);
      }
    }
    dirty.clear();
    for (const column of changed) {
      const shown = [...column.tasks].sort(before);
      while (column.tiles.length < shown.length) addTile(column);
      while (column.tiles.length > shown.length) column.tiles.pop().remove();
      shown.forEach((task, i) => showTask(column.tiles[i], task));
    }
  };

  const showNodes = () => {
    for (const { element, status, index } of nodes.slice(1)) {
      const [, state, availability, manager] = rowAt(run.nodes[index - 1].status, now);
      const words = [state === "ready" ? "" : state, availability === "active" ? "" : availability, manager];
      const text = words.filter(Boolean).join(", ");
      if (status.textContent !== text) status.textContent = text;
      element.classList.toggle("lost", state !== "ready");
    }
  };

  // --- Requests that flow in. Dots are a picture of the shares, not single requests.
  const sky = one("canvas", stage);
  const brush = sky.getContext("2d");
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const traffic = one(".traffic", stage);
  const bins = () => run.services.map((service) => service.bins[Math.max(0, Math.ceil(now / run.bin) - 1)]);

  const showRequests = (phase) => {
    const [ok, failed] = [new Map(), []];
    let [answered, lost] = [0, 0];
    for (const bin of bins()) {
      if (!bin) continue;
      for (const [version, requests] of bin.ok) {
        ok.set(version, (ok.get(version) || 0) + requests);
        answered += requests;
      }
      for (const [kind, requests] of bin.failed) {
        failed.push(kind);
        lost += requests;
      }
    }
    const perSecond = (requests) => {
      const rate = requests / (run.bin / 1000);
      return (rate < 10 && rate % 1 ? rate.toFixed(1) : Math.round(rate).toLocaleString("en")) + "/s";
    };
    const text = answered + lost === 0 ? "no requests" : `${perSecond(answered)} answered` +
      (lost ? `, ${perSecond(lost)} failed (${[...new Set(failed)].join(", ")})` : "");
    if (traffic.textContent !== text) traffic.textContent = text;
    drawRequests(ok, answered, lost, phase);
  };

  // What is measured once, for measuring makes the browser lay out the page.
  let room = null;
  const measure = () => {
    const [left, scale] = [sky.getBoundingClientRect().left, devicePixelRatio];
    [sky.width, sky.height] = [sky.clientWidth * scale, sky.clientHeight * scale];
    const spans = nodes.map(({ element }) => {
      const box = element.getBoundingClientRect();
      return [(box.left - left) * scale, box.width * scale];
    });
    room = { scale, spans, bad: getComputedStyle(document.documentElement).getPropertyValue("--bad") };
  };

  const drawRequests = (ok, answered, lost, phase) => {
    const { width, height } = sky;
    brush.clearRect(0, 0, width, height);
    const total = answered + lost;
    if (!total) return;
    const { scale, spans, bad } = room;
    const serving = new Map();
    for (const task of tasks) {
      if (!(task.code & IN_ROTATION) || task.code >= REMOVED) continue;
      if (!serving.has(task.version)) serving.set(task.version, []);
      serving.get(task.version).push(task.node);
    }
    const dots = Math.min(60, Math.ceil(4 * Math.sqrt(total / (run.bin / 1000))));
    const crosses = lost ? Math.max(1, Math.round((dots * lost) / total)) : 0;
    const targets = [];
    // The first column is of tasks without a node: nobody answers there.
    const anyNode = (i) => 1 + ((i * 7) % (nodes.length - 1));
    for (const [version, requests] of ok) {
      const of = serving.get(version) || [];
      const share = Math.max(1, Math.round((dots * requests) / total));
      for (let i = 0; i < share; i++) targets.push([version, of.length ? of[(i * 7) % of.length] : anyNode(i)]);
    }
    for (let i = 0; i < crosses; i++) targets.push([null, anyNode(i)]);
    targets.forEach(([version, node], i) => {
      // These two numbers spread points evenly over a plane, whatever their number (Roberts' sequence R2).
      const fall = (phase + i * 0.5698403) % 1;
      const x = spans[node][0] + spans[node][1] * (0.06 + 0.88 * ((i * 0.7548777) % 1));
      const y = 4 * scale + (height - 8 * scale) * (version === null ? 0.5 * fall : fall);
      const size = 3 * scale;
      brush.lineWidth = 2 * scale;
      if (version === null) {
        brush.strokeStyle = bad;
        brush.beginPath();
        brush.moveTo(x - size, y - size);
        brush.lineTo(x + size, y + size);
        brush.moveTo(x + size, y - size);
        brush.lineTo(x - size, y + size);
        brush.stroke();
      } else {
        brush.fillStyle = run.colors[version];
        brush.beginPath();
        brush.arc(x, y, size, 0, 2 * Math.PI);
        brush.fill();
      }
    });
  };

  // --- What stands beside the time: update status, values of the charts, the cursor, the line of the story.
  const seconds = (ms) => (ms / 1000).toFixed(ms < 100000 ? 1 : 0) + " s";
  const charts = all(".chart").map((chart) => {
    const [left, right] = chart.dataset.plot.split(" ").map(Number);
    const panel = chart.closest(".panel");
    const service = run.services.find(({ name }) => name === chart.closest(".service").dataset.service);
    const { width } = chart.viewBox.baseVal;
    return { chart, cursor: one(".cursor", panel), width, left, right, service, kind: panel.dataset.kind, now: one(".now", panel) };
  });
  const valueOf = ({ kind, service }) => {
    const bin = service.bins[Math.max(0, Math.ceil(now / run.bin) - 1)];
    if (kind === "rotation") {
      const row = rowAt(service.rows, now);
      return row ? `${row[2]} of ${row[1]}` : "";
    }
    if (!bin) return "";
    if (kind === "latency") return bin.latency.length ? bin.latency.map((ms) => ms.toFixed(1)).join(" / ") + " ms" : "";
    if (kind !== "requests") return "";
    const sum = (rows) => rows.reduce((total, row) => total + row[1], 0);
    return `${sum(bin.ok)} ok, ${sum(bin.failed)} failed` + (run.bin > 1000 ? ` in ${run.bin / 1000} s` : "");
  };

  const clock = all(".clock");
  const status = one(".status");
  let current = null;
  const showTime = () => {
    for (const output of clock) output.textContent = seconds(now);
    slider.value = now;
    slider.setAttribute("aria-valuetext", seconds(now));
    for (const chart of charts) {
      const x = chart.left + ((chart.right - chart.left) * now) / run.end;
      chart.cursor.style.transform = `translateX(${((100 * x) / chart.width).toFixed(3)}%)`;
      const value = valueOf(chart);
      if (chart.now.textContent !== value) chart.now.textContent = value;
    }
    const words = run.services.map((service) => [service, rowAt(service.status, now)]).filter(([, row]) => row)
      .map(([{ name }, [, state, message]]) => `${run.services.length > 1 ? name + ": " : ""}${state}: ${message}`);
    if (status.textContent !== words.join(" · ")) status.textContent = words.join(" · ");
    let [low, high] = [0, events.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (Number(events[middle].dataset.ms) <= now) low = middle + 1;
      else high = middle;
    }
    if (current !== events[low - 1]) {
      if (current) current.removeAttribute("aria-current");
      current = events[low - 1] || null;
      if (current) current.setAttribute("aria-current", "time");
    }
  };

  const show = (time) => {
    goTo(Math.min(Math.max(time, 0), run.end));
    showTasks();
    showNodes();
    showTime();
    showRequests(still.matches || !playing ? 0.35 : (performance.now() / 1400) % 1);
  };

  // --- The player.
  const player = one(".player");
  const slider = one("input", player);
  const [back, play, forward] = all("button", player);
  const speed = one("select", player);
  let playing = null;
  slider.max = run.end;
  const usual = SPEEDS.find((factor) => factor >= run.end / 1000 / SHOW) || SPEEDS[SPEEDS.length - 1];
  for (const factor of SPEEDS) speed.add(new Option(factor + "×", factor, false, factor === usual));

  const stop = () => {
    playing = null;
    play.textContent = "▶";
    play.setAttribute("aria-label", "play");
  };
  const frame = (stamp) => {
    if (!playing) return;
    const elapsed = Math.min(stamp - playing.stamp, 100);
    playing.stamp = stamp;
    show(now + Math.max(elapsed, 0) * Number(speed.value));
    if (now >= run.end) stop();
    else requestAnimationFrame(frame);
  };
  const start = () => {
    if (now >= run.end) show(0);
    playing = { stamp: performance.now() };
    play.textContent = "❚❚";
    play.setAttribute("aria-label", "pause");
    requestAnimationFrame(frame);
  };
  const toggle = () => (playing ? stop() : start());
  const seek = (time) => {
    stop();
    show(time);
  };
  const step = (direction) => {
    const later = direction > 0 ? instants.find((at) => at > now) : instants.findLast((at) => at < now);
    seek(later ?? (direction > 0 ? run.end : 0));
  };

  play.addEventListener("click", toggle);
  back.addEventListener("click", () => step(-1));
  forward.addEventListener("click", () => step(1));
  slider.addEventListener("input", () => seek(Number(slider.value)));
  player.addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, button, summary")) return;
    // Arrows move what has the focus and is wider than the window.
    const focused = event.target.closest(".scroll");
    if (event.key !== " " && focused && focused.scrollWidth > focused.clientWidth) return;
    const deeds = { " ": toggle, ArrowLeft: () => step(-1), ArrowRight: () => step(1), Home: () => seek(0), End: () => seek(run.end) };
    const deed = deeds[event.key];
    if (!deed) return;
    event.preventDefault();
    deed();
  });
  for (const { chart, width, left, right } of charts) {
    const drag = (event) => {
      if (event.buttons !== 1) return;
      const box = chart.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * width;
      seek(((x - left) / (right - left)) * run.end);
    };
    chart.addEventListener("pointerdown", drag);
    chart.addEventListener("pointermove", drag);
  }
  for (const event of events) {
    const time = one("time", event);
    const button = make("button", "");
    button.type = "button";
    button.append(...time.childNodes);
    time.append(button);
    button.addEventListener("click", () => seek(Number(event.dataset.ms)));
  }

  // --- At the start. Tiles are large if there are few, and columns keep the height that the most of their tiles take.
  const most = nodes.map(() => 0);
  const held = nodes.map(() => 0);
  const homeOf = (task) => (isThere(task) ? columnOf(task).index : undefined);
  for (let i = 0; i < count; i++) {
    const task = taskOf(i);
    const old = homeOf(task);
    priors[i] = task.code;
    turn(task, run.changes[3 * i + 2]);
    if (hasEndedBadly(task) && task.ended === Infinity) {
      task.ended = times[i];
      failing.push(task);
    }
    const home = homeOf(task);
    if (home === old) continue;
    if (old !== undefined) held[old]--;
    if (home !== undefined) most[home] = Math.max(most[home], ++held[home]);
  }
  const tallest = Math.max(1, ...most.slice(1));
  const size = tallest <= 6 && nodes.length <= 9 ? "large" : tallest <= 24 && nodes.length <= 25 ? "medium" : "small";
  hasWords = size !== "small";
  stage.classList.add(size);
  stage.style.setProperty("--most", tallest);
  nowhere.element.hidden = most[0] === 0;
  one(".lingers").textContent = seconds(run.linger);
  const fit = () => {
    measure();
    show(now);
  };
  for (const element of all(".scripted")) element.removeAttribute("hidden");
  addEventListener("resize", fit);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", fit);
  measure();
  show(run.start);
})();
