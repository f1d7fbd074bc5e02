/**
 * The steps of announcing sessions inside Redis, as Lua. Deadlines are spread over shards, each a
 * sorted set of keys that are due and one of keys that are claimed, in one slot of a cluster; a
 * session's own keys are in another, so each script touches one of the two alone. Whatever ends
 * between two steps, nothing is lost: a claim whose process is gone is claimed again.
 */

/** Shards of the deadlines: enough that none is a hot spot. */
export const DEADLINE_SHARDS = 16;

export const DEADLINE_KEYS = {
  due: (shard: number): string => `sluice:d:{${shard}}`,
  claimed: (shard: number): string => `sluice:h:{${shard}}`,
} as const;

/** FNV-1a, so that all processes agree on a key's shard. */
export function shardOf(actorKey: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < actorKey.length; index += 1) {
    hash = Math.imul(hash ^ actorKey.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0) % DEADLINE_SHARDS;
}

/**
 * KEYS due, claimed; ARGV now, claimed until, most. Who removes a key from the due ones owns it;
 * one that is claimed already is looked at again in a second. Answers the keys.
 */
export const CLAIM_SCRIPT = `
local due, claimed, now, untilMs = KEYS[1], KEYS[2], ARGV[1], ARGV[2]
local mine = redis.call('ZRANGE', claimed, '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[3])
for _, member in ipairs(mine) do
  redis.call('ZADD', claimed, untilMs, member)
  redis.call('ZREM', due, member)
end
for _, member in ipairs(redis.call('ZRANGE', due, '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[3])) do
  if redis.call('ZSCORE', claimed, member) then
    redis.call('ZADD', due, ARGV[4], member)
  elseif redis.call('ZREM', due, member) == 1 then
    redis.call('ZADD', claimed, untilMs, member)
    mine[#mine + 1] = member
  end
end
return mine
`;

/** KEYS due, claimed; ARGV member, claimed until, next deadline or "". Another's claim stays. */
export const RELEASE_SCRIPT = `
local held = redis.call('ZSCORE', KEYS[2], ARGV[1])
if held and tonumber(held) == tonumber(ARGV[2]) then redis.call('ZREM', KEYS[2], ARGV[1]) end
if ARGV[3] ~= '' then redis.call('ZADD', KEYS[1], 'LT', ARGV[3], ARGV[1]) end
return 1
`;

/** What LOOK_SCRIPT answers of a session, in this order, and then its key. */
export const LOOK_FIELDS = [
  "sid",
  "start",
  "last",
  "n",
  "due",
  "entry",
  "exit",
  "user",
  "begun",
  "said",
  "rev",
] as const;

/**
 * KEYS session, index; ARGV prefix of past sessions, prefix of those of clients, own | due | all,
 * most. `own`: the session alone; `due`: and the past ones whose end is not said; `all`: everything
 * there is of the actor.
 */
export const LOOK_SCRIPT = `
local found = {}
local function look(at)
  local facts = redis.call('HMGET', at, ${LOOK_FIELDS.map((name) => `'${name}'`).join(", ")})
  facts[${LOOK_FIELDS.length + 1}] = at
  return facts
end
local own = look(KEYS[1])
if own[1] then found[1] = own end
if ARGV[3] == 'own' then return found end
for _, name in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  if #found >= tonumber(ARGV[4]) then break end
  local kind, id = string.sub(name, 1, 2), string.sub(name, 3)
  if kind == 'e ' then
    local facts = look(ARGV[1] .. id)
    if facts[1] and (ARGV[3] == 'all' or not facts[10]) then found[#found + 1] = facts end
  elseif ARGV[3] == 'all' then
    local facts = look(ARGV[2] .. id)
    if facts[1] then found[#found + 1] = facts end
  end
end
return found
`;

/**
 * KEYS session; ARGV started, ended ("1"), count that was announced, "1" for a past session, now.
 * Answers the deadline if the session is not over after all.
 */
export const SAID_SCRIPT = `
local key = KEYS[1]
local held = redis.call('HMGET', key, 'sid', 'n', 'due', 'idle')
if not held[1] then return false end
if ARGV[1] == '1' then redis.call('HSET', key, 'begun', '1') end
if ARGV[2] == '1' then
  redis.call('HINCRBY', key, 'rev', 1)
  local isOver = ARGV[4] == '1' or tonumber(held[3]) <= tonumber(ARGV[5])
  if isOver and held[2] == ARGV[3] then
    redis.call('HSET', key, 'said', '1')
    redis.call('PEXPIRE', key, 2 * tonumber(held[4] or '0'))
    return false
  end
end
return held[3]
`;

/**
 * KEYS session, index, mark; ARGV prefix of past sessions, prefix of those of clients, now, time
 * to live of the mark. Answers how many sessions there were.
 */
export const ERASE_SCRIPT = `
local erased = redis.call('DEL', KEYS[1])
for _, name in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  local prefix = string.sub(name, 1, 2) == 'e ' and ARGV[1] or ARGV[2]
  erased = erased + redis.call('DEL', prefix .. string.sub(name, 3))
end
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[3], ARGV[3], 'PX', ARGV[4])
return erased
`;
