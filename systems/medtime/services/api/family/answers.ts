import type { StoredInvite, StoredLink } from './store.ts'
import type { InvitesAnswer, LinksAnswer } from './wire.ts'

export function tellInvite({ created_at, expires_at, ...invite }: StoredInvite): InvitesAnswer['invites'][number] {
  return { ...invite, created_at: created_at.toISOString(), expires_at: expires_at.toISOString() }
}

/** The links of a user, each from the side on which the user stands. */
export function tellLinks(user: string, links: readonly StoredLink[]): LinksAnswer {
  return {
    supervisors: links
      .filter(({ supervised_user_id }) => supervised_user_id === user)
      .map((link) => ({
        ...common(link, link.supervisor_id),
        public_key: link.supervisor_public_key.toString('base64'),
        nonce: link.supervisor_nonce.toString('base64'),
        tag: link.supervisor_tag.toString('base64'),
        revealed: link.supervised_nonce !== null,
      })),
    supervised: links
      .filter(({ supervisor_id }) => supervisor_id === user)
      .map((link) => ({
        ...common(link, link.supervised_user_id),
        public_key: link.supervised_public_key?.toString('base64') ?? null,
        nonce: link.supervised_nonce?.toString('base64') ?? null,
      })),
  }
}

function common(link: StoredLink, other: string) {
  const { invite_id, entity_types, access_days, created_at, expires_at } = link
  return {
    user_id: other,
    invite_id,
    status: link.expired && link.status !== 'revoked' ? ('expired' as const) : link.status,
    entity_types,
    access_days,
    created_at: created_at.toISOString(),
    expires_at: expires_at?.toISOString() ?? null,
  }
}
