-- What wrk sends: the bodies of a file, one a line, in rotation from a place on; behind a body may stand its DPoP proof.
-- Every answer that is not 200 with the expected text is counted; the outcome is one line of JSON.
local threads = {}
local requests = {}
local place = 0
local expected = ""
failures = 0

function setup(thread)
    table.insert(threads, thread)
end

function init(arguments)
    local headers = { ["Content-Type"] = "application/x-www-form-urlencoded" }
    for line in io.lines(arguments[1]) do
        local body, proof = line:match("^(%S+) ?(%S*)$")
        headers["DPoP"] = proof ~= "" and proof or nil
        requests[#requests + 1] = wrk.format("POST", nil, headers, body)
    end
    place = tonumber(arguments[2])
    expected = arguments[3]
end

function request()
    place = place % #requests + 1
    return requests[place]
end

function response(status, headers, body)
    if status ~= 200 or not body:find(expected, 1, true) then
        failures = failures + 1
    end
end

function done(summary, latency)
    local failed = 0
    for _, thread in ipairs(threads) do
        failed = failed + thread:get("failures")
    end
    local errors = summary.errors
    io.write(string.format(
        '\n{"answers": %d, "seconds": %.6f, "failures": %d, "p50": %.3f, "p99": %.3f}\n',
        summary.requests, summary.duration / 1e6,
        failed + errors.connect + errors.read + errors.write + errors.timeout,
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
