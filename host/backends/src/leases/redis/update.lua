-- Changes a lease whose counter is the one that the caller saw. Answers the lease, or nothing when it was lost.
-- KEYS: the leases. ARGV: stream/shard, counter seen, next counter, id of this write, then names and values in turn;
-- an empty value takes the name away. Counters are texts all the way: numbers of Lua lose digits.
local text = redis.call('HGET', KEYS[1], ARGV[1])
if not text then
  return false
end
local lease = cjson.decode(text)
if lease.counter ~= ARGV[2] then
  -- The client asks again when an answer was lost on its way: this very write may have been done.
  return lease.write == ARGV[4] and text
end
for i = 5, #ARGV, 2 do
  lease[ARGV[i]] = ARGV[i + 1] ~= '' and ARGV[i + 1] or nil
end
if ARGV[3] ~= ARGV[2] then
  lease.counter = ARGV[3]
  lease.write = ARGV[4]
end
text = cjson.encode(lease)
redis.call('HSET', KEYS[1], ARGV[1], text)
return text
