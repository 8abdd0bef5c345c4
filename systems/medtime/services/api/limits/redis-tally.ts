import { z } from 'zod'
import type { Redis } from '../redis.ts'
import { slicesOfWindow } from './counter.ts'
import type { Granted, Tally } from './tally.ts'

/** Longest to wait for an answer; counting elsewhere takes less than waiting longer. */
const waitMs = 200
const prefix = 'medtime:limits:'

/**
 * A hash for each bucket: by slice how many were counted in it, and the newest slice. One script, so that nobody counts in
 * between. Arguments: wanted, allowed, slice, milliseconds until the bucket is empty.
 */
const takeScript = `
local held = redis.call('HGETALL', KEYS[1])
local newest = tonumber(ARGV[3])
for i = 1, #held, 2 do newest = math.max(newest, tonumber(held[i])) end
local used = 0
local slices = {}
for i = 1, #held, 2 do
  local slice, count = tonumber(held[i]), tonumber(held[i + 1])
  if slice < newest - ${slicesOfWindow} then
    redis.call('HDEL', KEYS[1], held[i])
  else
    used = used + count
    slices[#slices + 1] = slice
    slices[#slices + 1] = count
  end
end
local allowed = tonumber(ARGV[2])
local room = math.min(tonumber(ARGV[1]), math.max(0, allowed - used))
if room > 0 then
  redis.call('HINCRBY', KEYS[1], string.format('%d', newest), room)
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
used = used + room
if used < allowed then slices = {} elseif room > 0 then
  slices[#slices + 1] = newest
  slices[#slices + 1] = room
end
return { room, used, newest, slices }
`

/** Takes back from one slice what was counted in it, where it still counts. Arguments: slice, count. */
const giveBackScript = `
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then redis.call('HINCRBY', KEYS[1], ARGV[1], -ARGV[2]) end
return 1
`

const answer = z.tuple([z.int(), z.int(), z.int(), z.array(z.int())])

/** Counts in Redis or Valkey. */
export function redisTally(client: Redis): Tally {
  return {
    take: async (wanted) => {
      const given = await inTime(
        Promise.all(
          wanted.map(async ({ key, count, allowed, slice, windowMs }): Promise<[string, Granted]> => {
            const told = await client.eval(takeScript, {
              keys: [prefix + key],
              arguments: [count, allowed, slice, 2 * windowMs].map(String),
            })
            const [room, used, newest, slices] = answer.parse(told)
            return [
              key,
              { count: room, used, slice: newest, slices: used < allowed ? undefined : spread(slices, newest) },
            ]
          }),
        ),
      )
      return new Map(given)
    },
    giveBack: async (given) => {
      await inTime(
        Promise.all(
          given.map(({ key, count, slice }) =>
            client.eval(giveBackScript, { keys: [prefix + key], arguments: [slice, count].map(String) }),
          ),
        ),
      )
    },
  }
}

/** Pairs of a slice and its count as counts by place, the newest slice last. */
function spread(pairs: readonly number[], newest: number): number[] {
  const counts = Array.from({ length: slicesOfWindow + 1 }, () => 0)
  for (let index = 0; index < pairs.length; index += 2) {
    const place = slicesOfWindow - (newest - (pairs[index] ?? 0))
    counts[place] = (counts[place] ?? 0) + (pairs[index + 1] ?? 0)
  }
  return counts
}

async function inTime<T>(asked: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the store of counts did not answer in time')), waitMs)
  })
  try {
    return await Promise.race([asked, late])
  } finally {
    clearTimeout(timer)
    asked.catch(() => undefined)
  }
}

/**
 * Counts in the second where the first does not answer. What the first had counted is not known there: while it is away a limit
 * begins anew, once.
 */
export function tallyWithReserve(first: Tally, second: Tally): Tally {
  return {
    take: (wanted) => first.take(wanted).catch(() => second.take(wanted)),
    // What cannot be given back is held against whoever asked for a minute.
    giveBack: (given) => first.giveBack(given).catch(() => undefined),
  }
}
