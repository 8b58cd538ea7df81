-- Replaces the history of a part whose newest version is the one that the caller saw. Answers 1 when it stands there,
-- and 0 when somebody else wrote meanwhile.
-- KEYS: the histories. ARGV: the part, the version seen, the new history.
local text = redis.call('HGET', KEYS[1], ARGV[1])
-- The client asks again when an answer was lost on its way: this very write may have been done.
if text == ARGV[3] then
  return 1
end
local version = 0
if text then
  version = cjson.decode(text)[1].version
end
if version ~= tonumber(ARGV[2]) then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
