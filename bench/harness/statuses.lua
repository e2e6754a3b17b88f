-- The same requests as load.lua, and the count of answers by status as one line of JSON. Looking at
-- every answer slows wrk down, so this runs only to explain errors that a measurement had.
dofile(debug.getinfo(1, "S").source:sub(2):gsub("statuses%.lua$", "load.lua"))

local threads = {}
statuses = ""
local counts = {}

function setup(thread)
  threads[#threads + 1] = thread
end

function response(status)
  counts[status] = (counts[status] or 0) + 1
  local parts = {}
  for code, count in pairs(counts) do
    parts[#parts + 1] = string.format('"%d":%d', code, count)
  end
  statuses = table.concat(parts, ",")
end

function done()
  -- One thread: the harness runs wrk with -t1.
  io.write("\n{" .. threads[1]:get("statuses") .. "}\n")
end
