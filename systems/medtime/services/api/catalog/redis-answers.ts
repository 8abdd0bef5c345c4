import type { Redis } from '../redis.ts'
import type { SharedCache } from './answer-cache.ts'

/** Longest to wait for the cache: the database answers in less. */
const waitMs = 50
const prefix = 'medtime:catalog:'

/** Answers of the catalog in Redis or Valkey, for all instances. While it cannot be reached the service answers as if it had none. */
export function redisAnswers(client: Redis): SharedCache {
  return {
    get: async (key) => (await inTime(client.get(prefix + key))) ?? undefined,
    set: async (key, answer, seconds) => {
      await inTime(client.set(prefix + key, answer, { expiration: { type: 'EX', value: seconds } }))
    },
  }
}

/** What comes in time; undefined for what is late or failed. */
async function inTime<T>(asked: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), waitMs)
  })
  try {
    return await Promise.race([asked, late])
  } catch {
    return undefined
  } finally {
    clearTimeout(timer)
    asked.catch(() => undefined)
  }
}
