import { ApiError } from '../http/api-error.ts'
import { tokenPlace } from './sealed-content.ts'
import type { MessagesStore } from './store.ts'
import type { Vault } from './vault.ts'
import type { DeviceRequest } from './wire.ts'

/** Registers where a device gets push messages. @throws ApiError UNAVAILABLE without a key to seal the token with */
export async function registerDevice(
  user: string,
  id: string,
  { platform, language, token }: DeviceRequest,
  { store, vault, now }: { store: MessagesStore; vault: Vault | undefined; now: () => number },
): Promise<void> {
  if (vault === undefined) throw new ApiError('UNAVAILABLE')
  await store.putDevice(user, {
    id,
    platform,
    language,
    sealed: vault.seal(token, tokenPlace(user, id)),
    hash: vault.hash(token),
    now: new Date(now()),
  })
}
