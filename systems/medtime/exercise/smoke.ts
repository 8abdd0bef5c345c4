import type { SmokeResult } from 'aval'
import { messageOf } from './message.ts'
import type { RawSync } from './raw-sync.ts'
import { wireEntity } from './wire.ts'

export interface SmokeTools {
  address(service: string): string
  /** A device of the user that smoke tests are done with. */
  device: RawSync
  newId(): string
}

/** The shortest look that tells a working MedTime from a broken one. Every check is made, whatever those before it found. */
export async function smoke({ address, device, newId }: SmokeTools): Promise<SmokeResult> {
  const checks: SmokeResult['checks'] = []
  const check = async (name: string, work: () => Promise<void>) => {
    try {
      await work()
      checks.push({ name, passed: true })
    } catch (error) {
      checks.push({ name, passed: false, detail: messageOf(error) })
    }
  }
  const answers = async (path: string) => {
    const response = await fetch(new URL(path, address('api')), { signal: AbortSignal.timeout(5_000) })
    await response.arrayBuffer()
    if (!response.ok) throw new Error(`${path} answered ${response.status}`)
  }
  const id = newId()
  const entity = wireEntity({ id, bytes: Buffer.from(`smoke ${id}`) })
  await check('alive', () => answers('/health'))
  await check('ready', () => answers('/health/ready'))
  await check('push', () => device.push([entity]))
  await check('pull', async () => {
    const held = (await device.pullAll()).get(id)
    if (held?.checksum !== entity.checksum) throw new Error('what was pushed does not come back')
  })
  await check('status', async () => {
    await device.position()
  })
  return { passed: checks.every(({ passed }) => passed), checks }
}
