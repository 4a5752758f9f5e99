/*
 * How fast the page was: the times of its load, and the web vitals as
 * https://web.dev/articles/vitals defines them. Both belong to the address
 * that was loaded, whatever an application makes of it later. A page that was
 * never in sight has no vitals: its browser had no reason to hurry.
 */
import { flush, hit, page } from './send.js';

const SHIFTS_GAP_MS = 1000; // https://web.dev/articles/cls: a session window
const SHIFTS_LONGEST_MS = 5000;
const INTERACTION_MS = 40; // the browser tells of those that took longer
const FORGIVEN_EACH = 50; // https://web.dev/articles/inp: one outlier for so many
const ID_STEP = 7; // Chromium numbers interactions in sevens

const url = page();

const load = () => performance.getEntriesByType('navigation')[0] || {};

// A page that was loaded ahead of need begins when it is looked at.
const activated = () => load().activationStart || 0;

export const timing = () => {
  const since = (at) => Math.max(0, Math.round(at - activated()));
  const report = () => setTimeout(() => { // the entry is whole after the event
    const { responseStart, domContentLoadedEventStart, loadEventEnd } = load();
    if (!(responseStart > 0)) return;
    hit('timing', { url, ttfb: since(responseStart), dom: since(domContentLoadedEventStart), load: since(loadEventEnd) });
    flush();
  });
  if (document.readyState == 'complete') report();
  else addEventListener('load', report);
};

const observe = (type, each, options) => {
  try {
    const observer = new PerformanceObserver((list) => list.getEntries().forEach(each));
    observer.observe({ type, buffered: true, ...options });
    return () => observer.takeRecords().forEach(each);
  } catch (error) {
    return () => {}; // a browser without this one
  }
};

export const vitals = () => {
  const values = {};
  const since = (at) => Math.max(0, at - activated());
  let hidden = document.visibilityState == 'hidden' && !activated() ? 0 : Infinity;

  // Of the window of shifts that is open: its sum, its first and last shift.
  let sum = 0;
  let first = 0;
  let last = 0;
  const shift = ({ hadRecentInput, startTime, value }) => {
    if (hadRecentInput) return;
    if (startTime - last > SHIFTS_GAP_MS || startTime - first > SHIFTS_LONGEST_MS) {
      sum = 0;
      first = startTime;
    }
    last = startTime;
    sum += value;
    values.CLS = Math.max(values.CLS || 0, sum);
  };

  const worst = {}; // the longest duration of each interaction, by its id
  const interaction = ({ interactionId, duration }) => {
    if (interactionId) worst[interactionId] = Math.max(duration, worst[interactionId] || 0);
  };
  const INP = () => {
    const ids = Object.keys(worst);
    const count = performance.interactionCount || (Math.max(...ids) - Math.min(...ids)) / ID_STEP + 1;
    const durations = Object.values(worst).sort((a, b) => b - a);
    return durations[Math.min(durations.length - 1, Math.floor(count / FORGIVEN_EACH))];
  };

  const paint = (name) => ({ startTime }) => {
    if (startTime < hidden) values[name] = since(startTime);
  };
  const drains = [
    observe('paint', (entry) => entry.name == 'first-contentful-paint' && paint('FCP')(entry)),
    observe('largest-contentful-paint', paint('LCP')),
    observe('layout-shift', shift),
    observe('event', interaction, { durationThreshold: INTERACTION_MS }),
    observe('first-input', interaction),
  ];

  const report = () => {
    drains.forEach((drain) => drain());
    drains.length = 0;
    if ('FCP' in values) { // else it was never in sight
      values.TTFB = since(load().responseStart);
      values.CLS = values.CLS || 0;
      const inp = INP();
      if (inp) values.INP = inp;
      for (const name in values) hit('vital', { url, name, value: Math.round(values[name] * 1e4) / 1e4 });
    }
    delete values.FCP; // once
    flush(true);
  };
  addEventListener('visibilitychange', ({ timeStamp }) => {
    if (document.visibilityState == 'visible') return;
    hidden = Math.min(hidden, timeStamp);
    report();
  }, true);
  addEventListener('pagehide', report);
};
