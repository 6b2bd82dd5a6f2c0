-- Ask for the paths of a file, one after the other, as a browser does.
local paths, at = {}, 0
local headers = { ["Accept"] = "text/html" }

function init(args)
  for line in io.lines(args[1]) do paths[#paths + 1] = line end
end

function request()
  at = at % #paths + 1
  return wrk.format("GET", paths[at], headers)
end

function done(summary)
  io.write(string.format("answered %d\n", summary.requests))
end
