-- Deletes a lease whose counter is the one that the caller saw. Answers whether it was.
-- KEYS: the leases. ARGV: stream/shard, counter seen.
local text = redis.call('HGET', KEYS[1], ARGV[1])
if not text or cjson.decode(text).counter ~= ARGV[2] then
  return 0
end
return redis.call('HDEL', KEYS[1], ARGV[1])
