import type { Database, Run } from '../../api/database.ts'
import type { KeyRing } from '../../keys/key-ring.ts'
import { type Resealed, sealedAnew } from '../../keys/reseal.ts'
import { signingKeyPurpose } from '../keys/signing-keys.ts'
import { opaquePurpose } from '../opaque/setup.ts'
import { numberPurpose, totpPurpose } from '../second-factor/factors.ts'
import { createSealing, type Sealing } from './seal.ts'

const nobody = '00000000-0000-0000-0000-000000000000'
const usersAtOnce = 100

/**
 * Seals everything of accounts under the first key of the ring. Bears to be broken off and begun again, and others at work meanwhile: each row
 * is locked while it is changed. Sign-ins that are under way are not touched; they are over within minutes.
 * @throws when something opens with no key of the ring
 */
export async function resealAccounts(database: Database, ring: KeyRing): Promise<Resealed> {
  const all = placed(createSealing(ring))
  const newest = placed(createSealing({ keys: [ring.keys[0]], names: ring.names }))
  const result: Resealed = { looked: 0, resealed: 0 }
  const anew = async (sealed: Buffer, place: string, keep: (sealed: Buffer) => Promise<unknown>) => {
    result.looked++
    const next = sealedAnew(sealed, place, newest, all)
    if (next === undefined) return
    await keep(next)
    result.resealed++
  }
  await database.transaction(null, async (run) => {
    for (const { sealed } of await run<{ sealed: Buffer }>(
      'sealed setup',
      'SELECT sealed_setup AS sealed FROM public.srv_opaque_setup FOR UPDATE',
      [],
    )) {
      const text = 'UPDATE public.srv_opaque_setup SET sealed_setup = $1'
      await anew(sealed, opaquePurpose, (next) => run('reseal setup', text, [next]))
    }
    for (const { kid, sealed } of await run<{ kid: string; sealed: Buffer }>(
      'sealed signing keys',
      'SELECT kid, sealed_private_key AS sealed FROM public.srv_signing_keys ORDER BY kid FOR UPDATE',
      [],
    )) {
      const text = 'UPDATE public.srv_signing_keys SET sealed_private_key = $2 WHERE kid = $1'
      await anew(sealed, signingKeyPurpose(kid), (next) => run('reseal signing key', text, [kid, next]))
    }
  })
  for (let after = nobody; ; ) {
    const users = await database.run<{ user: string }>(
      'sealed users',
      'SELECT u AS "user" FROM public.srv_sealed_users($1, $2) AS u',
      [after, usersAtOnce],
    )
    for (const { user } of users) {
      await database.transaction(user, async (run) => {
        for (const sealed of await ofUser(run, user, 'totp_secrets', 'sealed_secret')) {
          const text = 'UPDATE public.srv_totp_secrets SET sealed_secret = $2 WHERE user_id = $1'
          await anew(sealed, totpPurpose(user), (next) => run('reseal totp', text, [user, next]))
        }
        for (const sealed of await ofUser(run, user, 'sms_factors', 'sealed_number')) {
          const text = 'UPDATE public.srv_sms_factors SET sealed_number = $2 WHERE user_id = $1'
          await anew(sealed, numberPurpose(user), (next) => run('reseal number', text, [user, next]))
        }
      })
      after = user
    }
    if (users.length < usersAtOnce) break
  }
  if (result.resealed > 0) {
    const text = `SELECT public.srv_note_service_audit('keys_replaced', $1)`
    await database.run('note keys replaced', text, [new Date()])
  }
  return result
}

async function ofUser(
  run: Run,
  user: string,
  table: 'totp_secrets' | 'sms_factors',
  column: string,
): Promise<Buffer[]> {
  const rows = await run<{ sealed: Buffer }>(
    `sealed ${table}`,
    `SELECT ${column} AS sealed FROM public.srv_${table} WHERE user_id = $1 FOR UPDATE`,
    [user],
  )
  return rows.map(({ sealed }) => sealed)
}

/** The arguments in the order that both services can be asked in. */
function placed(sealing: Sealing) {
  return {
    open: (sealed: Buffer, place: string) => sealing.open(place, sealed),
    seal: (text: string, place: string) => sealing.seal(place, text),
  }
}
