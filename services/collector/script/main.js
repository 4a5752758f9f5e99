/*
 * Pawprint's script: reports page views, events and how fast pages load.
 *
 *   <script defer src="https://COLLECTOR/s.js" data-site="KEY"></script>
 *
 *   data-collector   where hits go; default: where the script came from
 *   data-hash        with it, what stands after # makes another page
 *
 *   pawprint('signup', {value: 9, props: {plan: 'team'}})   an event of yours
 *
 * It sets no cookie and stores nothing in the browser; hits are text/plain, so
 * that no browser asks before it sends them. docs/api/collector.md has the
 * fields; each file beside this one has one concern.
 */
import { hit, flush } from './send.js';
import { pages } from './pages.js';
import { timing, vitals } from './speed.js';

const start = () => {
  pages();
  timing();
  vitals();
};

const early = window.pawprint;

// A page that carries the script twice is still one visit.
if (!early || early.q) {
  window.pawprint = (name, more) => {
    hit('custom', { name, ...more });
    flush();
  };
  // A page that is loaded ahead of need is no visit before it is looked at.
  if (document.prerendering) document.addEventListener('prerenderingchange', start, { once: true });
  else start();
  // Calls made before the script was there wait in a list, where a page has one.
  if (early) early.q.forEach((call) => window.pawprint(...call));
}
