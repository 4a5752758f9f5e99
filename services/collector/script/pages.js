/*
 * Page views: of a page that was loaded, that came back from the browser's
 * memory, or that an application made by changing the address.
 */
import { flush, hit, page } from './send.js';

let shown; // the address last reported
let before = document.referrer;

const view = () => {
  hit('pageview', { referrer: before });
  shown = before = page();
  flush();
};

// An application may set the same address many times, to note a scroll position.
const moved = () => shown != page() && view();

export const pages = () => {
  for (const name of ['pushState', 'replaceState']) {
    const original = history[name];
    history[name] = function () {
      const result = original.apply(this, arguments);
      moved();
      return result;
    };
  }
  addEventListener('popstate', moved);
  addEventListener('hashchange', moved); // page() says whether it matters
  addEventListener('pageshow', (event) => event.persisted && view());
  view();
};
