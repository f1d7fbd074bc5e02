/**
 * One session update inside Redis, as Lua: what `mergeSession` (rules.ts) says, done in one step so
 * that two processes never overwrite each other. All keys of a call are of one actor, in one slot
 * of a cluster.
 *
 * KEYS[1]  the session's hash: sid, start, last, n, due, idle, entry, exit, user, and one
 *          field `w:<writer>` = "life:count" for each process that counted
 * KEYS[2]  the actor's index, KEYS[3] the mark of an erasure
 * ARGV     see `scriptValues`
 * answers  { outcome, sid, start, last, n }
 *
 * A session that a newer one replaces is kept under its own key until its end is announced; so is
 * one that comes after a newer one. Times and counts stay the strings they arrived as: Lua would
 * round them. RENAME comes before HSET: Redis refuses a write for want of memory only while a
 * script has not yet written, so a replaced session cannot vanish half-way.
 */
import { ACTOR_KEYS, idleMs, timeToLiveMs } from "./store.ts";
import type { KeyedUpdate } from "./store.ts";

export const SESSION_SCRIPT = `
local key, index, mark = KEYS[1], KEYS[2], KEYS[3]
local id, start, last = ARGV[1], ARGV[2], ARGV[3]
local writer, life, count, refresh = ARGV[4], ARGV[5], ARGV[6], ARGV[7] == '1'
local gap, length, ttl = tonumber(ARGV[8]), tonumber(ARGV[9]), ARGV[10]
local now, due, expiry = ARGV[11], ARGV[12], ARGV[13]
local entry, exit, user, born = ARGV[14], ARGV[15], ARGV[16], ARGV[17]
local past, own, idle = ARGV[18], ARGV[19], ARGV[20]

local erased = redis.call('GET', mark)
if erased and tonumber(erased) >= tonumber(born) then
  return {'erased', id, start, last, '0'}
end

local function note(name)
  redis.call('ZREMRANGEBYSCORE', index, '-inf', now)
  redis.call('ZADD', index, expiry, name)
  redis.call('PEXPIRE', index, ttl)
end

local function added(held)
  if held then
    local heldLife, heldCount = string.match(held, '^(%d+):(%d+)$')
    if tonumber(heldLife) == tonumber(life) then
      return math.max(tonumber(count) - tonumber(heldCount), 0)
    elseif tonumber(heldLife) > tonumber(life) then
      return 0
    end
  end
  return tonumber(count)
end

local function join(at)
  local held = redis.call('HMGET', at, 'start', 'last', 'n', 'due', 'said', writer)
  local set, first, final, n = {}, held[1], held[2], held[3]
  local function put(name, value)
    set[#set + 1] = name
    set[#set + 1] = value
  end
  local more = added(held[6])
  local isNew = not first
  if isNew then
    put('sid', id)
    put('n', count)
    put('idle', idle)
    n = count
  end
  if isNew or tonumber(start) < tonumber(first) then
    first = start
    put('start', start)
    put('entry', entry)
  end
  if isNew or tonumber(last) >= tonumber(final) then
    final = last
    put('last', last)
    put('exit', exit)
  end
  if tonumber(due) > tonumber(held[4] or '0') then put('due', due) end
  if user ~= '' then put('user', user) end
  if isNew or more > 0 then put(writer, life .. ':' .. count) end
  if #set > 0 then redis.call('HSET', at, unpack(set)) end
  if not isNew and more > 0 then
    n = redis.call('HINCRBY', at, 'n', more)
    if held[5] then redis.call('HDEL', at, 'said') end
  end
  if isNew or refresh or (held[5] and more > 0) then redis.call('PEXPIRE', at, ttl) end
  return first, final, n
end

local held = redis.call('HMGET', key, 'sid', 'start', 'last', 'n')
local sid, outcome = held[1], 'kept'
if sid and sid ~= id then
  local s, l = tonumber(start), tonumber(last)
  local hs, hl = tonumber(held[2]), tonumber(held[3])
  local fits = math.max(l, hl) - math.min(s, hs) <= length
  if s - hl <= gap and hs - l <= gap and fits then
    outcome = 'adopted'
  elseif s < hs then
    join(past .. id)
    note('e ' .. id)
    return {'behind', sid, held[2], held[3], held[4]}
  else
    redis.call('RENAME', key, past .. sid)
    note('e ' .. sid)
    sid = false
  end
end
if own ~= '' and (refresh or not sid) then note(own) end
local first, final, n = join(key)
return {outcome, sid or id, first, final, n}
`;

export interface ScriptContext {
  /** Names the process in the counts. */
  readonly writer: string;
  readonly nowMs: number;
  readonly announces: boolean;
}

/** The keys of a call, and their values in the order in which the script reads them. */
export function scriptKeys(update: KeyedUpdate, key: string): readonly [string, string, string] {
  const { actorKey } = update;
  return [key, ACTOR_KEYS.index(actorKey), ACTOR_KEYS.erased(actorKey)];
}

export function scriptValues(
  update: KeyedUpdate,
  { writer, nowMs, announces }: ScriptContext,
): readonly (string | number)[] {
  const { rules, actorKey, id } = update;
  const ttlMs = timeToLiveMs(rules, { announces });
  return [
    id,
    update.startMs,
    update.lastMs,
    writer,
    update.life,
    update.count,
    update.isRefreshDue ? "1" : "0",
    rules.gapMs,
    rules.lengthMsMax,
    ttlMs,
    nowMs,
    nowMs + idleMs(rules),
    nowMs + ttlMs,
    update.entry,
    update.exit,
    update.user,
    update.bornAtMs,
    ACTOR_KEYS.past(actorKey, ""),
    update.isClientId ? `c ${id}` : "",
    idleMs(rules),
  ];
}
