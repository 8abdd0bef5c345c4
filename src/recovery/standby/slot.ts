import type { Client } from 'pg'
import { z } from 'zod'
import { withClient } from '../../postgres/connection.ts'
import type { Server } from '../../postgres/server.ts'
import { standbyName } from '../wal/synchronous-names.ts'

/**
 * The slot that makes a primary keep what its standby has not received. `lost`: it kept more than `max_slot_wal_keep_size`
 * and was given up; the standby cannot catch up any more. `endangered`: it will be, at the next checkpoint.
 */
export type SlotState = 'absent' | 'active' | 'inactive' | 'endangered' | 'lost'

const row = z.object({ active: z.boolean(), wal_status: z.string().nullable() })

export async function slotState(client: Client): Promise<SlotState> {
  const { rows } = await client.query('SELECT active, wal_status FROM pg_replication_slots WHERE slot_name = $1', [
    standbyName,
  ])
  const [slot] = z.array(row).parse(rows)
  if (slot === undefined) return 'absent'
  if (slot.wal_status === 'lost') return 'lost'
  if (slot.wal_status === 'unreserved') return 'endangered'
  return slot.active ? 'active' : 'inactive'
}

/** A slot that keeps WAL from now on; one that is there is replaced, since it may keep it from too late. */
export async function renewSlot(primary: Server): Promise<void> {
  await withClient(primary.url(), async (client) => {
    await client.query('SET synchronous_commit = local')
    await client.query(
      `SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots WHERE slot_name = $1 AND active`,
      [standbyName],
    )
    await client.query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1', [
      standbyName,
    ])
    await client.query('SELECT pg_create_physical_replication_slot($1, true)', [standbyName])
  })
}
