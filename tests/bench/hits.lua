-- For wrk: posts prepared hits in turn, each with a browser's headers.
--   BENCH_REQUESTS   a file, a line each: path, user agent, address and body,
--                    separated by tabs
local requests, n, i = {}, 0, 0

function init()
   for line in io.lines(os.getenv('BENCH_REQUESTS')) do
      local path, agent, address, body = line:match('([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)')
      n = n + 1
      requests[n] = wrk.format('POST', path, {
         ['Content-Type'] = 'text/plain;charset=UTF-8', ['Accept'] = '*/*',
         ['Accept-Language'] = 'en-GB,en;q=0.9', ['Accept-Encoding'] = 'gzip, deflate, br, zstd',
         ['User-Agent'] = agent, ['X-Forwarded-For'] = address,
         ['Origin'] = 'https://shop.example', ['Referer'] = 'https://shop.example/',
         ['Sec-Fetch-Site'] = 'cross-site', ['Sec-Fetch-Mode'] = 'no-cors', ['Sec-Fetch-Dest'] = 'empty',
      }, body)
   end
end

function request()
   i = i % n + 1
   return requests[i]
end
