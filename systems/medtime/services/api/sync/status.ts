import type { Cursors } from './cursor.ts'
import type { Device, Store } from './store.ts'
import type { StatusAnswer } from './wire.ts'

/** Devices told of; a person has a few. */
const deviceLimit = 100

/** How far each device of the user is. */
export async function status(
  user: string,
  { store, cursors }: { store: Store; cursors: Cursors },
): Promise<StatusAnswer> {
  const { epoch, sequence, devices } = await store.status(user, deviceLimit)
  return {
    epoch,
    cursor: cursors.issue(user, { epoch, sequence }),
    devices: devices.map((device) => ({
      device_id: device.id,
      last_sync_at: device.lastSyncAt.toISOString(),
      sync_version: device.version,
      vector: vectorOf(device, devices),
    })),
  }
}

/**
 * Up to which number a device has every change made on each device: its own it has all, of another's it has what was both
 * written there and given to it. Devices of which it has nothing are left out.
 */
export function vectorOf(device: Device, all: readonly Device[]): Record<string, number> {
  const entries = all.map((other): [string, number] => [
    other.id,
    other.id === device.id ? device.written : Math.min(other.written, device.seen),
  ])
  return Object.fromEntries(entries.filter(([, number]) => number > 0))
}
