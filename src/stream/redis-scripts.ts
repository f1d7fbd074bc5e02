/**
 * The rules of memory-rules.ts inside Redis, as Lua, each in one step and on one key, so that they
 * work on a cluster. A test holds them to the same answers.
 *
 * KEYS[1]  the stream's hash: birth, epoch, owner ("" when free), done, sack and exc (JSON), doubt,
 * waits
 *          ("epoch owner mayWrite " for each past owner, oldest first), seen (ms since 1970)
 *
 * Numbers stay the strings they arrived as wherever they are only passed on. HSET comes before
 * EXPIRE: Redis refuses a write for want of memory before the first one only.
 */
import { STREAM_WAITED_FOR_MAX } from "../limits/streams.ts";
import { DOUBT_ALL } from "./stream-record.ts";

const READ = `
local key = KEYS[1]
local held = redis.call('HMGET', key, 'epoch', 'owner', 'done', 'sack', 'exc', 'doubt', 'waits',
  'birth')
local epoch, owner, done = held[1], held[2] or '', held[3] or '0'
local sack, exc, doubt = held[4] or '[]', held[5] or '[]', held[6] or '0'
local birth = held[8] or ''
local waits = {}
for e, o, w in string.gmatch(held[7] or '', '(%S+) (%S+) (%S+) ') do
  waits[#waits + 1] = {e, o, w}
end
local function text(list)
  local parts = {}
  for _, past in ipairs(list) do
    parts[#parts + 1] = past[1] .. ' ' .. past[2] .. ' ' .. past[3] .. ' '
  end
  return table.concat(parts)
end
local function withDoubt(below)
  if tonumber(below) > tonumber(doubt) then doubt = below end
  if tonumber(doubt) <= tonumber(done) + 1 then doubt = '0' end
end
local function withoutPen()
  for _, past in ipairs(waits) do past[3] = '0' end
end
`;

/**
 * ARGV owner, least epoch, "1" for proof, time to live (s), now (ms), birth
 * answers {"denied"} or {"claimed", epoch, "1" if known, done, sack, exc, doubt, waits, birth}
 */
export const CLAIM_SCRIPT = `${READ}
if not epoch then
  redis.call('HSET', key, 'epoch', ARGV[2], 'owner', ARGV[1], 'seen', ARGV[5], 'birth', ARGV[6])
  redis.call('EXPIRE', key, ARGV[4])
  return {'claimed', ARGV[2], '0', '0', '[]', '[]', '0', '', ARGV[6]}
end
if ARGV[3] ~= '1' then return {'denied'} end
if owner ~= '' then waits[#waits + 1] = {epoch, owner, '1'} end
while #waits > ${STREAM_WAITED_FOR_MAX} do
  table.remove(waits, 1)
  withDoubt('${DOUBT_ALL}')
end
local nextEpoch = string.format('%.0f', math.max(tonumber(epoch) + 1, tonumber(ARGV[2])))
redis.call('HSET', key, 'epoch', nextEpoch, 'owner', ARGV[1], 'doubt', doubt,
  'waits', text(waits), 'seen', ARGV[5])
redis.call('EXPIRE', key, ARGV[4])
return {'claimed', nextEpoch, '1', done, sack, exc, doubt, text(waits), birth}
`;

/**
 * ARGV owner, epoch, doubt below, time to live (s), now (ms), dead owners …
 * answers {"unknown"}, {"superseded"} or {"taken", "1" if clean, done, sack, exc, doubt}
 */
export const TAKE_SCRIPT = `${READ}
if not epoch then return {'unknown'} end
if epoch ~= ARGV[2] or owner ~= ARGV[1] then return {'superseded'} end
local isClean = '1'
if #waits > 0 then
  isClean = '0'
  withDoubt(ARGV[3])
end
local dead, alive = {}, {}
for index = 6, #ARGV do dead[ARGV[index]] = true end
withoutPen()
for _, past in ipairs(waits) do
  if not dead[past[2]] then alive[#alive + 1] = past end
end
redis.call('HSET', key, 'doubt', doubt, 'waits', text(alive), 'seen', ARGV[5])
redis.call('EXPIRE', key, ARGV[4])
return {'taken', isClean, done, sack, exc, doubt}
`;

/**
 * ARGV owner, epoch, "1" if last, time to live (s), now (ms), "1" with a record, done, sack, exc,
 *      doubt, birth
 * answers {"saved"}, {"superseded"}, {"handed_over", to} or
 *         {"behind", done, sack, exc, doubt, previous epoch, previous owner}
 */
export const SAVE_SCRIPT = `${READ}
local me, mine, isLast = ARGV[1], ARGV[2], ARGV[3] == '1'
local function write()
  if ARGV[6] ~= '1' then return end
  if tonumber(ARGV[7]) < tonumber(done) then
    withDoubt('${DOUBT_ALL}')
    return
  end
  done, sack, exc = ARGV[7], ARGV[8], ARGV[9]
  withDoubt(ARGV[10])
end
local function keep(nextEpoch, nextOwner)
  redis.call('HSET', key, 'epoch', nextEpoch, 'owner', nextOwner, 'done', done, 'sack', sack,
    'exc', exc, 'doubt', doubt, 'waits', text(waits), 'seen', ARGV[5], 'birth', birth)
  redis.call('EXPIRE', key, ARGV[4])
end
if not epoch then
  birth = ARGV[11]
  write()
  keep(mine, isLast and '' or me)
  return {'saved'}
end
if tonumber(epoch) < tonumber(mine) then
  keep(mine, me)
  return {'behind', done, sack, exc, doubt, epoch, owner}
end
if epoch == mine and (owner == me or owner == '') then
  write()
  withoutPen()
  keep(mine, isLast and '' or me)
  return {'saved'}
end
if not isLast then return {'superseded'} end
for index, past in ipairs(waits) do
  if past[1] == mine and past[2] == me then
    table.remove(waits, index)
    if past[3] == '1' then write() end
    keep(epoch, owner)
    return {'handed_over', owner}
  end
end
return {'superseded'}
`;
