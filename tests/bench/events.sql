-- {rows} made-up events of one day: a hundred sites of very different size,
-- visits of eight events. Read by tests/bench.
INSERT INTO events (site_id, event_at, event_id, account_id, received_at, kind, name, visitor, visit_id, hostname, pathname, referrer_host, source, utm_source, utm_medium, utm_campaign, browser, browser_version, os, device, country, language, bot, value, ttfb_ms, dom_ms, load_ms, props, kafka_epoch, kafka_partition, kafka_offset, valid_until)
WITH
 number AS n, intDiv(n, 8) AS v, n % 8 AS step, sipHash64(v, 1) AS r,
 toUInt32(pow(100, (r % 1000) / 1000.)) AS s,
 concat('site', leftPad(toString(s), 4, '0')) AS site,
 toDateTime64('{day} 00:00:00', 3, 'UTC') + toIntervalMillisecond(toInt64(r % 86000000) + step * (20000 + sipHash64(n, 2) % 20000)) AS at,
 ['pageview','timing','vital','vital','vital','pageview','timing','custom'][step + 1] AS k,
 toInt32(exp(randCanonical(n) * 2 + 5)) AS ms
SELECT site, at, concat(substring(hex(sipHash128(n, 3)), 1, 8), '-', substring(hex(sipHash128(n, 4)), 1, 4), '-4', substring(hex(sipHash128(n, 5)), 1, 3), '-8', substring(hex(sipHash128(n, 6)), 1, 3), '-', substring(hex(sipHash128(n, 7)), 1, 12)),
 concat('acc', toString(s % 40)), at + toIntervalMillisecond(300 + sipHash64(n, 8) % 4000), k,
 multiIf(k = 'vital', ['LCP','INP','CLS'][step - 1], k = 'custom', ['signup','buy','click'][r % 3 + 1], ''),
 reinterpretAsInt64(sipHash64(site, r % 200000)), reinterpretAsInt64(sipHash64(v, 9)),
 concat(site, '.example'), concat('/', ['','pricing','docs','blog/post-'][if(step < 5, r, r + 1) % 4 + 1], if((r + (step >= 5)) % 4 = 3, toString(intDiv(r, 7) % 300), '')),
 ['','google.com','t.co','news.example','bing.com'][r % 5 + 1], ['','Google','Twitter','news.example','Bing'][r % 5 + 1],
 if(r % 11 = 0, 'newsletter', ''), if(r % 11 = 0, 'mail', ''), if(r % 11 = 0, concat('week', toString(r % 30)), ''),
 ['Chrome','Safari','Firefox','Edge'][r % 4 + 1], toString(120 + r % 15), ['Windows','iOS','Android','Mac OS X','Linux'][r % 5 + 1],
 ['desktop','mobile','tablet'][r % 3 + 1], ['DE','US','FR','GB','IN','BR','JP','NL','ES','IT'][intDiv(r, 3) % 10 + 1], ['en','de','fr'][r % 3 + 1],
 r % 20 = 0, if(k = 'vital', if(step = 4, round(ms / 10000, 3), ms), NULL), if(k = 'timing', ms, NULL), if(k = 'timing', ms * 3, NULL), if(k = 'timing', ms * 5, NULL),
 if(k = 'custom', map('plan', ['free','team','gold'][r % 3 + 1]), map()), 1, toInt32(r % 8), n, now64(3) + 60
FROM numbers({rows})
