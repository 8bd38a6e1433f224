-- KEYS: the entry, and the hash that counts the entries of its shard.
-- ARGV[1]: now. Times are Unix milliseconds by the clocks of the DSS servers.
local entry, usage, now = KEYS[1], KEYS[2], tonumber(ARGV[1])

local function expiry(packed)
  return (struct.unpack('>I8', packed))
end

-- A field of the hash stands for the entries that expire within 15 seconds:
-- their number times 2^40, plus the bytes of their values.
local function count(call, packed, sign)
  local field = math.floor(expiry(packed) / 15000)
  if field * 15000 <= now then
    return -- it is no longer counted
  end
  local amount = sign * (1099511627776 + #packed - 8)
  if call('HINCRBY', usage, field, string.format('%.0f', amount)) == 0 then
    call('HDEL', usage, field)
  end
end

-- keep lets the hash live longer than all it counts.
local function keep(milliseconds)
  if redis.call('PTTL', usage) < milliseconds then
    redis.call('PEXPIRE', usage, milliseconds + 3600000)
  end
end

---- create
-- ARGV: now, the packed entry, how long to keep it, the channel of changes.
-- Each command can be refused; the entry is written by the last.
local there = redis.call('GET', entry)
if there and expiry(there) > now then
  return 0
end
count(redis.call, ARGV[2], 1)
keep(tonumber(ARGV[3]))
redis.call('PUBLISH', ARGV[4], entry)
redis.call('SET', entry, ARGV[2], 'PX', ARGV[3])
return 1

---- take
-- ARGV: now.
-- DEL is allowed, and by it the rest, when there is no memory left. What is
-- deleted is returned whatever becomes of the count.
local there = redis.call('GET', entry)
if not there or expiry(there) <= now then
  return false
end
redis.call('DEL', entry)
count(redis.pcall, there, -1)
return there

---- replace
-- ARGV: now, the value that must be there, the packed new entry, how long to
-- keep it, the channel of changes.
-- DEL is for the reason that take gives: claiming an entry makes room.
local there = redis.call('GET', entry)
if not there or expiry(there) <= now or string.sub(there, 9) ~= ARGV[2] then
  return 0
end
keep(tonumber(ARGV[4]))
redis.call('PUBLISH', ARGV[5], entry)
redis.call('DEL', entry)
redis.call('SET', entry, ARGV[3], 'PX', ARGV[4])
count(redis.pcall, there, -1)
count(redis.pcall, ARGV[3], 1)
return 1
