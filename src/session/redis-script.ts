/**
 * One session update inside Redis, as Lua: what `mergeSession` (rules.ts) says, done in one step so
 * that two processes never overwrite each other. One key per call, so that it works on a cluster.
 *
 * KEYS[1]  the session's hash: sid, start, last, n, and one field `w:<writer>` = "life:count" for
 *          each process that counted
 * ARGV     id, start ms, last ms, writer field, life, count, "1" when the time to live is due
 * answers  { outcome, sid, start, last, n }
 *
 * Times and counts stay the strings they arrived as: Lua would print 13 digits as 1.7e+12. DEL
 * comes before HSET: Redis refuses a write for want of memory only while a script has not yet
 * written, so a replaced session cannot vanish half-way.
 */
import type { SessionRules } from "./rules.ts";
import { timeToLiveMs } from "./store.ts";

export function sessionScript(rules: SessionRules): string {
  return `
local key, id, start, last = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local writer, life, count = ARGV[4], ARGV[5], ARGV[6]
local held = redis.call('HMGET', key, 'sid', 'start', 'last', 'n', writer)
local sid, heldStart, heldLast, n = held[1], held[2], held[3], held[4]
local outcome = 'kept'
if sid and sid ~= id then
  local s, l = tonumber(start), tonumber(last)
  local hs, hl = tonumber(heldStart), tonumber(heldLast)
  local fits = math.max(l, hl) - math.min(s, hs) <= ${rules.lengthMsMax}
  if s - hl <= ${rules.gapMs} and hs - l <= ${rules.gapMs} and fits then
    outcome = 'adopted'
  elseif s < hs then
    return {'behind', sid, heldStart, heldLast, n}
  else
    redis.call('DEL', key)
    sid = false
  end
end
if not sid then
  redis.call('HSET', key, 'sid', id, 'start', start, 'last', last, 'n', count,
    writer, life .. ':' .. count)
  redis.call('PEXPIRE', key, ${timeToLiveMs(rules)})
  return {'kept', id, start, last, count}
end
local added = tonumber(count)
if held[5] then
  local heldLife, heldCount = string.match(held[5], '^(%d+):(%d+)$')
  if tonumber(heldLife) == tonumber(life) then
    added = math.max(added - tonumber(heldCount), 0)
  elseif tonumber(heldLife) > tonumber(life) then
    added = 0
  end
end
if tonumber(heldStart) <= tonumber(start) then start = heldStart end
if tonumber(heldLast) >= tonumber(last) then last = heldLast end
if start ~= heldStart or last ~= heldLast then
  redis.call('HSET', key, 'start', start, 'last', last)
end
if added > 0 then
  redis.call('HSET', key, writer, life .. ':' .. count)
  n = redis.call('HINCRBY', key, 'n', added)
end
if ARGV[7] == '1' then
  redis.call('PEXPIRE', key, ${timeToLiveMs(rules)})
end
return {outcome, sid, start, last, n}
`;
}
