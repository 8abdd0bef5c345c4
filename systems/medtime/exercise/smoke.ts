import { type SmokeResult, smokeOf } from 'aval'
import { messageOf } from './message.ts'
import type { RawSync } from './raw-sync.ts'
import { wireEntity } from './wire.ts'

export interface SmokeTools {
  address(service: string): string
  /** A device of the user that smoke tests are done with. */
  device: RawSync
  newId(): string
}

/** The shortest look that tells a working MedTime from a broken one. */
export function smoke({ address, device, newId }: SmokeTools): Promise<SmokeResult> {
  const answers = async (path: string) => {
    const response = await fetch(new URL(path, address('api')), { signal: AbortSignal.timeout(5_000) })
    await response.arrayBuffer()
    if (!response.ok) throw new Error(`${path} answered ${response.status}`)
  }
  const id = newId()
  const entity = wireEntity({ id, bytes: Buffer.from(`smoke ${id}`) })
  return smokeOf(
    {
      alive: () => answers('/health'),
      ready: () => answers('/health/ready'),
      push: () => device.push([entity]),
      pull: async () => {
        const held = (await device.pullAll()).get(id)
        if (held?.checksum !== entity.checksum) throw new Error('what was pushed does not come back')
      },
      status: async () => {
        await device.position()
      },
    },
    messageOf,
  )
}
