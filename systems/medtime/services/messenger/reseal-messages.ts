import type { Database } from '../api/database.ts'
import { contentPlace, phonePlace, tokenPlace } from '../api/messages/sealed-content.ts'
import { createVault } from '../api/messages/vault.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import { type Resealed, sealedAnew } from '../keys/reseal.ts'

const rowsAtOnce = 200

interface Row {
  key: string
  place: [string, string]
  sealed: Buffer
}

/** What is sealed where, in the order of a key that is one text; `place` is what the name of its place is made of. */
const sealedThings = [
  {
    name: 'devices',
    select: `SELECT user_id || ' ' || device_id AS key, ARRAY[user_id::text, device_id] AS place, sealed_token AS sealed
      FROM public.srv_message_devices WHERE user_id || ' ' || device_id > $1 ORDER BY 1 LIMIT $2`,
    update: `UPDATE public.srv_message_devices SET sealed_token = $3
      WHERE user_id || ' ' || device_id = $1 AND sealed_token = $2`,
    placeOf: ([user, device]: Row['place']) => tokenPlace(user, device),
  },
  {
    name: 'phones',
    select: `SELECT user_id::text AS key, ARRAY[user_id::text, ''] AS place, sealed_number AS sealed
      FROM public.srv_message_phones WHERE user_id::text > $1 ORDER BY 1 LIMIT $2`,
    update: 'UPDATE public.srv_message_phones SET sealed_number = $3 WHERE user_id = $1::uuid AND sealed_number = $2',
    placeOf: ([user]: Row['place']) => phonePlace(user),
  },
  {
    name: 'messages',
    select: `SELECT id::text AS key, ARRAY[id::text, ''] AS place, content AS sealed
      FROM public.srv_messages WHERE content IS NOT NULL AND id::text > $1 ORDER BY 1 LIMIT $2`,
    update: 'UPDATE public.srv_messages SET content = $3 WHERE id = $1::uuid AND content = $2',
    placeOf: ([message]: Row['place']) => contentPlace(message),
  },
] as const

/**
 * Seals tokens, numbers and waiting messages under the first key of the ring. Bears to be broken off and begun again: a row is changed only
 * when it is still as it was read. A number that waits for its code is the API's alone and is over within minutes.
 * @throws when something opens with no key of the ring
 */
export async function resealMessages(database: Database, ring: KeyRing): Promise<Resealed> {
  const all = createVault(ring)
  const newest = createVault({ keys: [ring.keys[0]], names: ring.names })
  const result: Resealed = { looked: 0, resealed: 0 }
  for (const { name, select, update, placeOf } of sealedThings) {
    for (let after = ''; ; ) {
      const rows = await database.run<Row>(`sealed ${name}`, select, [after, rowsAtOnce])
      for (const { key, place, sealed } of rows) {
        result.looked++
        const next = sealedAnew(sealed, placeOf(place), newest, all)
        after = key
        if (next === undefined) continue
        await database.run(`reseal ${name}`, update, [key, sealed, next])
        result.resealed++
      }
      if (rows.length < rowsAtOnce) break
    }
  }
  return result
}
