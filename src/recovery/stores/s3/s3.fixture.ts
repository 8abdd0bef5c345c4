import type { S3Server } from '../../../../test/s3-server/start-server.ts'
import type { Clock } from '../../../clock.ts'
import { seededRandom } from '../../../random.ts'
import { secret } from '../../../secrets/secret.ts'
import { parseS3Location } from './location.ts'
import { type S3StoreOptions, s3Store } from './s3-store.ts'

/** Real time, but nobody waits; what was waited for is kept. */
export function impatientClock(): Clock & { pauses: number[] } {
  const pauses: number[] = []
  return {
    pauses,
    now: () => Date.now(),
    sleep: async (ms) => {
      pauses.push(ms)
    },
  }
}

/** A store on a server of the tests, as a program would open it. */
export function storeOn(server: S3Server, options: Partial<S3StoreOptions> = {}, prefix = 'shop') {
  return s3Store({
    location: parseS3Location(server.location(prefix)),
    credentials: { accessKeyId: server.accessKeyId, secretAccessKey: secret(server.secretAccessKey) },
    clock: impatientClock(),
    random: seededRandom(7),
    partBytes: 5 * 2 ** 20,
    ...options,
  })
}
