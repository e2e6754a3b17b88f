-- For wrk: `-- events` posts events of a thousand users in turn, `-- get` gets. Prints one line of
-- JSON at the end, which wrk's own text is too coarse for.
local requests, sent = {}, 0

function init(arguments)
  if arguments[1] == "get" then
    requests[1] = wrk.format("GET")
    return
  end
  wrk.headers["Content-Type"] = "application/json"
  for user = 1, 1000 do
    local body = string.format(
      '{"user_id":"u%d","event_type":"page_view","payload":{"path":"/products/%d",' ..
      '"referrer":"https://shop.example/search?q=millrace","width":1280}}', user, user % 50)
    requests[user] = wrk.format("POST", nil, nil, body)
  end
end

function request()
  sent = sent % #requests + 1
  return requests[sent]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"duration_us":%d,"p50_us":%d,"p90_us":%d,"p99_us":%d,"max_us":%d,' ..
    '"status":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(90),
    latency:percentile(99), latency.max, errors.status, errors.connect, errors.read,
    errors.write, errors.timeout))
end
