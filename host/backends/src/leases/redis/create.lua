-- Creates a lease unless it is there, and answers the one that is there.
-- KEYS: the leases. ARGV: stream/shard, the new lease.
redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2])
return redis.call('HGET', KEYS[1], ARGV[1])
