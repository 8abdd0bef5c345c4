import type { Database, Run } from '../database.ts'
import { ApiError } from '../http/api-error.ts'
import type { Acceptance, InviteRequest, Revelation, SealedKey } from './wire.ts'
import { keyLimit, openInvites, supervisorLimit } from './wire.ts'

/** A time as the database writes it; null for one that never comes. */
export interface StoredInvite {
  invite_id: string
  entity_types: string[]
  access_days: number | null
  created_at: Date
  expires_at: Date
}

export interface StoredLink {
  supervised_user_id: string
  supervisor_id: string
  invite_id: string
  status: 'pending' | 'active' | 'revoked'
  expired: boolean
  entity_types: string[]
  access_days: number | null
  created_at: Date
  /** Null: until it is revoked. */
  expires_at: Date | null
  supervisor_public_key: Buffer
  supervisor_nonce: Buffer
  supervisor_tag: Buffer
  supervised_public_key: Buffer | null
  supervised_nonce: Buffer | null
}

/** Links and invites as the database holds them. Every operation is one transaction in the name of the user it is given. */
export interface FamilyStore {
  /** @throws ApiError FAMILY_LIMIT */
  invite(user: string, request: InviteRequest): Promise<void>
  invites(user: string): Promise<StoredInvite[]>
  /** @throws ApiError INVITE_INVALID when the user has no such open invite */
  withdraw(user: string, invite: string): Promise<void>
  /**
   * Uses an invite up and makes the pending link, or neither.
   * @throws ApiError INVITE_INVALID for whatever is wrong with the invite, ALREADY_LINKED
   */
  accept(
    user: string,
    acceptance: Acceptance,
    secretHash: Buffer,
  ): Promise<Pick<StoredLink, 'entity_types' | 'access_days'> & { expires_at: Date }>
  links(user: string): Promise<StoredLink[]>
  /** Once a link; the same again is a replay. @throws ApiError NO_LINK */
  reveal(user: string, supervisor: string, revelation: Revelation): Promise<void>
  /** @throws ApiError NO_LINK, FAMILY_LIMIT */
  confirm(user: string, supervisor: string, keys: readonly SealedKey[]): Promise<void>
  /** @throws ApiError NO_LINK, FAMILY_LIMIT */
  deliver(user: string, supervisor: string, keys: readonly SealedKey[]): Promise<void>
  /** @throws ApiError NO_LINK when there never was one */
  revoke(user: string, supervisor: string): Promise<void>
  /** @throws ApiError NO_LINK when there never was one */
  giveUp(user: string, supervised: string): Promise<void>
  /** @throws ApiError NO_LINK */
  keys(user: string, supervised: string): Promise<{ collection: string; key_id: string; sealed: Buffer }[]>
}

const linkColumns = `supervised_user_id, supervisor_id, invite_id, status, expires_at <= now() AS expired, entity_types, access_days,
  created_at, nullif(expires_at, 'infinity') AS expires_at, supervisor_public_key, supervisor_nonce, supervisor_tag,
  supervised_public_key, supervised_nonce`

export function createFamilyStore({ transaction }: Database): FamilyStore {
  return {
    invite: (user, request) =>
      transaction(user, async (run) => {
        await lockUser(run, user)
        await run('family-sweep', 'DELETE FROM public.srv_family_invites WHERE user_id = $1 AND expires_at <= now()', [
          user,
        ])
        const [known] = await run<{ same: boolean }>(
          'family-known',
          'SELECT secret_hash = $3 AS same FROM public.srv_family_invites WHERE user_id = $1 AND invite_id = $2',
          [user, request.invite_id, bytes(request.secret_hash)],
        )
        if (known?.same) return
        if (known !== undefined) throw new ApiError('INVITE_INVALID')
        const [count] = await run<{ open: number; live: number }>(
          'family-count',
          `SELECT (SELECT count(*)::int FROM public.srv_family_invites WHERE user_id = $1) AS open,
             (SELECT count(*)::int FROM public.srv_family_links
               WHERE supervised_user_id = $1 AND status <> 'revoked' AND expires_at > now()) AS live`,
          [user],
        )
        if (count === undefined || count.open >= openInvites || count.live + count.open >= supervisorLimit) {
          throw new ApiError('FAMILY_LIMIT')
        }
        await run(
          'family-invite',
          `INSERT INTO public.srv_family_invites (user_id, invite_id, secret_hash, commitment, entity_types, access_days)
           VALUES ($1, $2, $3, $4, $5, $6)`,
          [
            user,
            request.invite_id,
            bytes(request.secret_hash),
            bytes(request.commitment),
            [...new Set(request.entity_types)],
            request.access_days,
          ],
        )
      }),
    invites: (user) =>
      transaction(user, (run) =>
        run<StoredInvite>(
          'family-invites',
          `SELECT invite_id, entity_types, access_days, created_at, expires_at FROM public.srv_family_invites
           WHERE user_id = $1 AND expires_at > now() ORDER BY created_at, invite_id`,
          [user],
        ),
      ),
    withdraw: (user, invite) =>
      transaction(user, async (run) => {
        const gone = await run(
          'family-withdraw',
          'DELETE FROM public.srv_family_invites WHERE user_id = $1 AND invite_id = $2 RETURNING invite_id',
          [user, invite],
        )
        if (gone.length === 0) throw new ApiError('INVITE_INVALID')
      }),
    accept: (user, acceptance, secretHash) => transaction(user, (run) => accept(run, user, acceptance, secretHash)),
    links: (user) =>
      transaction(user, (run) =>
        run<StoredLink>(
          'family-links',
          `SELECT ${linkColumns} FROM public.srv_family_links
           WHERE (supervised_user_id = $1 OR supervisor_id = $1) AND invite_id IS NOT NULL
           ORDER BY created_at, supervised_user_id, supervisor_id`,
          [user],
        ),
      ),
    reveal: (user, supervisor, { public_key, nonce }) =>
      transaction(user, async (run) => {
        const revealed = await run(
          'family-reveal',
          `UPDATE public.srv_family_links SET supervised_public_key = $3, supervised_nonce = $4
           WHERE supervised_user_id = $1 AND supervisor_id = $2 AND status = 'pending' AND expires_at > now()
             AND coalesce(supervised_public_key = $3 AND supervised_nonce = $4, true)
           RETURNING status`,
          [user, supervisor, bytes(public_key), bytes(nonce)],
        )
        if (revealed.length === 0) throw new ApiError('NO_LINK')
      }),
    confirm: (user, supervisor, keys) =>
      transaction(user, async (run) => {
        await run(
          'family-confirm',
          `UPDATE public.srv_family_links
           SET status = 'active', expires_at = coalesce(now() + access_days * interval '1 day', 'infinity')
           WHERE supervised_user_id = $1 AND supervisor_id = $2 AND status = 'pending' AND expires_at > now()
             AND supervised_nonce IS NOT NULL`,
          [user, supervisor],
        )
        await deliver(run, user, supervisor, keys)
      }),
    deliver: (user, supervisor, keys) => transaction(user, (run) => deliver(run, user, supervisor, keys)),
    revoke: (user, supervisor) =>
      transaction(user, async (run) => {
        await run(
          'family-revoke',
          `UPDATE public.srv_family_links SET status = 'revoked'
           WHERE supervised_user_id = $1 AND supervisor_id = $2 AND status <> 'revoked'`,
          [user, supervisor],
        )
        await run(
          'family-forget-keys',
          'DELETE FROM public.srv_family_keys WHERE user_id = $1 AND supervisor_id = $2',
          [user, supervisor],
        )
        await mustExist(run, user, supervisor)
      }),
    giveUp: (user, supervised) =>
      transaction(user, async (run) => {
        await run(
          'family-give-up',
          `UPDATE public.srv_family_links SET status = 'revoked'
           WHERE supervised_user_id = $1 AND supervisor_id = $2 AND status <> 'revoked'`,
          [supervised, user],
        )
        await mustExist(run, supervised, user)
      }),
    keys: (user, supervised) =>
      transaction(user, async (run) => {
        const [link] = await run(
          'family-may-read',
          `SELECT status FROM public.srv_family_links
           WHERE supervised_user_id = $1 AND supervisor_id = $2 AND status = 'active' AND expires_at > now()`,
          [supervised, user],
        )
        if (link === undefined) throw new ApiError('NO_LINK')
        return run<{ collection: string; key_id: string; sealed: Buffer }>(
          'family-keys',
          `SELECT collection, key_id, sealed FROM public.srv_family_keys WHERE user_id = $1 AND supervisor_id = $2
           ORDER BY created_at, collection, key_id`,
          [supervised, user],
        )
      }),
  }
}

async function accept(run: Run, user: string, acceptance: Acceptance, secretHash: Buffer) {
  const { supervised, invite_id } = acceptance
  await run('family-present', "SELECT set_config('request.invite', $1, true)", [secretHash.toString('hex')])
  // The row is locked here: of two who hold one invite the second finds it taken.
  const [invite] = await run<{ entity_types: string[]; access_days: number | null; commitment: Buffer; expires: Date }>(
    'family-take-invite',
    `UPDATE public.srv_family_invites SET accepted_by = $1
     WHERE user_id = $2 AND invite_id = $3 AND secret_hash = $4 AND user_id <> $1 AND accepted_by IS NULL AND expires_at > now()
     RETURNING entity_types, access_days, commitment, now() + interval '7 days' AS expires`,
    [user, supervised, invite_id, secretHash],
  )
  if (invite === undefined) throw new ApiError('INVITE_INVALID')
  // What has ended makes room for a new link.
  await run(
    'family-end-expired',
    `UPDATE public.srv_family_links SET status = 'revoked'
     WHERE supervised_user_id = $1 AND supervisor_id = $2 AND expires_at <= now() AND status <> 'revoked'`,
    [supervised, user],
  )
  await run(
    'family-clear-ended',
    `DELETE FROM public.srv_family_links WHERE supervised_user_id = $1 AND supervisor_id = $2 AND status = 'revoked'`,
    [supervised, user],
  )
  const made = await run<{ expires_at: Date }>(
    'family-accept',
    `INSERT INTO public.srv_family_links (supervised_user_id, supervisor_id, status, invite_id, entity_types, access_days, expires_at,
       commitment, supervisor_public_key, supervisor_nonce, supervisor_tag)
     VALUES ($1, $2, 'pending', $3, $4, $5, now() + interval '7 days', $6, $7, $8, $9)
     ON CONFLICT DO NOTHING RETURNING expires_at`,
    [
      supervised,
      user,
      invite_id,
      invite.entity_types,
      invite.access_days,
      invite.commitment,
      bytes(acceptance.public_key),
      bytes(acceptance.nonce),
      bytes(acceptance.tag),
    ],
  )
  if (made.length === 0) throw new ApiError('ALREADY_LINKED')
  await run('family-use-up', 'DELETE FROM public.srv_family_invites WHERE user_id = $1 AND invite_id = $2', [
    supervised,
    invite_id,
  ])
  return { entity_types: invite.entity_types, access_days: invite.access_days, expires_at: invite.expires }
}

/** Keys go to who may read, and to nobody else: also not to somebody who could read a moment ago. */
async function deliver(run: Run, user: string, supervisor: string, keys: readonly SealedKey[]): Promise<void> {
  const [link] = await run(
    'family-lock-link',
    `SELECT status FROM public.srv_family_links
     WHERE supervised_user_id = $1 AND supervisor_id = $2 AND status = 'active' AND expires_at > now() FOR NO KEY UPDATE`,
    [user, supervisor],
  )
  if (link === undefined) throw new ApiError('NO_LINK')
  await run(
    'family-deliver',
    `INSERT INTO public.srv_family_keys (user_id, supervisor_id, collection, key_id, sealed)
     SELECT $1, $2, k.collection, k.key_id, k.sealed
     FROM (SELECT DISTINCT ON (u.collection, u.key_id) u.* FROM unnest($3::text[], $4::text[], $5::bytea[])
       AS u (collection, key_id, sealed)) AS k
     ON CONFLICT (user_id, supervisor_id, collection, key_id) DO UPDATE SET sealed = excluded.sealed`,
    [
      user,
      supervisor,
      keys.map(({ collection }) => collection),
      keys.map(({ key_id }) => key_id),
      keys.map(({ sealed }) => Buffer.from(sealed, 'base64')),
    ],
  )
  const [held] = await run<{ count: number }>(
    'family-count-keys',
    'SELECT count(*)::int AS count FROM public.srv_family_keys WHERE user_id = $1 AND supervisor_id = $2',
    [user, supervisor],
  )
  if (held === undefined || held.count > keyLimit) throw new ApiError('FAMILY_LIMIT')
}

/** One request of a user after the other, so that what is counted is still so when it is written. */
async function lockUser(run: Run, user: string): Promise<void> {
  await run('family-user', 'INSERT INTO public.srv_users (user_id) VALUES ($1) ON CONFLICT DO NOTHING', [user])
  await run('family-lock-user', 'SELECT user_id FROM public.srv_users WHERE user_id = $1 FOR NO KEY UPDATE', [user])
}

async function mustExist(run: Run, supervised: string, supervisor: string): Promise<void> {
  const [link] = await run(
    'family-exists',
    'SELECT status FROM public.srv_family_links WHERE supervised_user_id = $1 AND supervisor_id = $2',
    [supervised, supervisor],
  )
  if (link === undefined) throw new ApiError('NO_LINK')
}

function bytes(base64: string): Buffer {
  return Buffer.from(base64, 'base64')
}
