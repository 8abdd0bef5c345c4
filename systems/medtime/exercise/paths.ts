import { gzipSync } from 'node:zlib'
import type { Path } from 'aval'
import { createOcrClient } from '../client/ocr/ocr-client.ts'
import { drawText } from '../services/api/ocr/drawn-text.ts'
import { greyPng } from '../services/api/ocr/grey-png.ts'
import { messageWays } from './message-ways.ts'
import type { PathTools } from './path-tools.ts'
import { sha256, type WireEntity, wireEntity } from './wire.ts'

/** Every way data enters MedTime. Refusals are ways as well: an error may repeat what it refuses. */
export function allPaths({ address, credentials, keep, newId }: PathTools): Path[] {
  const send = async (path: string, init: RequestInit & { headers?: Record<string, string> }, service = 'api') => {
    const response = await fetch(new URL(path, address(service)), { ...init, signal: AbortSignal.timeout(10_000) })
    await response.arrayBuffer()
  }
  const get = async (path: string, headers: Record<string, string> = {}) =>
    send(path, { headers: { ...(await credentials()), ...headers } })
  const post = async (body: string, headers: Record<string, string> = {}) =>
    send('/sync/push', {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', ...(await credentials()), ...headers },
    })
  const postTo = async (path: string, json: unknown) =>
    send(path, {
      method: 'POST',
      body: JSON.stringify(json),
      headers: { 'content-type': 'application/json', ...(await credentials()) },
    })
  const emptyRotation = { device_id: 'planted', entities: [], commit: false }
  const putFile = async (content: string, digest: string) =>
    send(`/files/${newId()}`, {
      method: 'PUT',
      body: content,
      headers: {
        'content-type': 'application/octet-stream',
        'content-digest': digest,
        ...(await credentials()),
      },
    })
  const ask = (path: string, json: unknown) =>
    send(
      path,
      { method: 'POST', body: JSON.stringify(json), headers: { 'content-type': 'application/json' } },
      'accounts',
    )
  const push = (change: Partial<WireEntity>, device = 'planted') => {
    const entity = { ...wireEntity({ id: newId(), bytes: Buffer.from('nothing of interest') }), ...change }
    return post(JSON.stringify({ device_id: device, entities: [entity] }))
  }
  /** Has an image read as a client does; that it cannot be read is an answer as well. */
  const readImage = async (image: Uint8Array) => {
    const { authorization = '' } = await credentials()
    const client = createOcrClient({
      address: () => address('api'),
      token: async () => authorization.replace('Bearer ', ''),
      fetch,
    })
    await client.read(image).catch(() => undefined)
  }
  /** Header values are ASCII; whatever else is planted travels percent-encoded. */
  const inHeader = (value: string) => (/^[\x20-\x7e]*$/.test(value) ? value : encodeURIComponent(value))

  const ways: Record<string, (value: string) => Promise<void>> = {
    'push-content': keep,
    ...messageWays({ address, credentials, keep, newId }),
    'push-damaged-blob': (value) =>
      push({ encrypted_blob: Buffer.from(value).toString('base64'), checksum: sha256(`not ${value}`) }),
    'push-blob-not-base64': (value) => push({ encrypted_blob: `${value}!` }),
    'push-entity-type': (value) => push({ entity_type: value }),
    'push-device-id': (value) => push({}, value),
    'push-key-id': (value) => push({ key_id: value }),
    'push-checksum': (value) => push({ checksum: value }),
    'push-entity-id': (value) => push({ id: value }),
    'push-unknown-member': (value) =>
      post(JSON.stringify({ device_id: 'planted', entities: [{ [value]: value }], [value]: value })),
    'push-malformed-json': (value) => post(`{"device_id":"${value}",`),
    'push-other-content-type': (value) => post(value, { 'content-type': 'text/plain' }),
    'push-compressed': async (value) =>
      send('/sync/push', {
        method: 'POST',
        body: gzipSync(`{"device_id":"${value}","${value}":`),
        headers: { 'content-type': 'application/json', 'content-encoding': 'gzip', ...(await credentials()) },
      }),
    'push-content-encoding': (value) => post(value, { 'content-encoding': inHeader(value) }),
    'rotate-key-id': (value) =>
      postTo('/sync/rotate', { ...emptyRotation, rotation: newId(), entity_types: ['journal'], key_id: value }),
    'rotate-entity-type': (value) =>
      postTo('/sync/rotate', { ...emptyRotation, rotation: newId(), entity_types: [value], key_id: 'key-1' }),
    'rotate-id': (value) =>
      postTo('/sync/rotate', { ...emptyRotation, rotation: value, entity_types: ['journal'], key_id: 'key-1' }),
    // Never a device: a stream would stay open.
    'events-device-id': (value) => get(`/sync/events?device_id=${encodeURIComponent(`${value} !`)}`),
    'file-id': (value) => get(`/files/${encodeURIComponent(value)}`),
    'file-damaged': (value) => putFile(value, `sha-256=:${Buffer.alloc(32).toString('base64')}:`),
    'file-digest': (value) => putFile('nothing of interest', inHeader(value)),
    'pull-cursor': (value) => get(`/sync/pull?cursor=${encodeURIComponent(value)}`),
    'pull-since': (value) => get(`/sync/pull?since=${encodeURIComponent(value)}`),
    'pull-limit': (value) => get(`/sync/pull?limit=${encodeURIComponent(value)}`),
    'pull-device-id': (value) => get(`/sync/pull?device_id=${encodeURIComponent(value)}`),
    'catalog-query': (value) => get(`/catalog/search?q=${encodeURIComponent(value)}`),
    'catalog-language': (value) => get(`/catalog/search?q=a&lang=${encodeURIComponent(value)}`),
    'catalog-since': (value) => get(`/catalog/download?since=${encodeURIComponent(value)}`),
    'catalog-id': (value) => get(`/catalog/${encodeURIComponent(value)}`),
    'family-invite': (value) =>
      postTo('/family/invites', { invite_id: value, secret_hash: value, commitment: value, entity_types: [value] }),
    'family-accept': (value) =>
      postTo('/family/accept', { supervised: value, invite_id: value, secret: value, public_key: value, nonce: value }),
    'family-keys': (value) =>
      postTo(`/family/supervisors/${newId()}/keys`, { keys: [{ collection: value, key_id: value, sealed: value }] }),
    'family-person': (value) => get(`/family/${encodeURIComponent(value)}/pull`),
    'family-cursor': (value) => get(`/family/${newId()}/pull?cursor=${encodeURIComponent(value)}`),
    'ocr-image-in-clear': async (value) =>
      send('/ocr/process', {
        method: 'POST',
        body: value,
        headers: { 'content-type': 'application/octet-stream', ...(await credentials()) },
      }),
    'ocr-drawn': (value) => readImage(greyPng(drawText([value.toLowerCase().replace(/[^a-z\d .,:/-]/g, ' ')]))),
    'query-unknown': (value) => get(`/sync/status?${encodeURIComponent(value)}=${encodeURIComponent(value)}`),
    'path-unknown': (value) => get(`/${encodeURIComponent(value)}`),
    'path-unknown-below-sync': (value) => get(`/sync/${encodeURIComponent(value)}`),
    'header-user-agent': (value) => get('/sync/status', { 'user-agent': inHeader(value) }),
    'header-correlation-id': (value) => get('/sync/status', { 'x-correlation-id': inHeader(value) }),
    'header-request-id': (value) => get('/sync/status', { 'x-request-id': inHeader(value) }),
    'header-forwarded-for': (value) => get('/sync/status', { 'x-forwarded-for': inHeader(value) }),
    'header-referer': (value) => get('/sync/status', { referer: inHeader(value) }),
    'header-unknown': (value) => get('/sync/status', { 'x-note': inHeader(value) }),
    'token-malformed': (value) => get('/sync/status', { authorization: `Bearer ${inHeader(value)}` }),
    'token-claims': (value) => get('/sync/status', { authorization: `Bearer ${unsignedToken(value)}` }),
    'sign-in-email': (value) =>
      ask('/auth/sign-in/start', { email: `${encodeURIComponent(value)}@example.test`, login_request: 'AAAA' }),
    'sign-in-message': (value) => ask('/auth/sign-in/start', { email: 'ana@example.test', login_request: value }),
    'sign-up-unknown-member': (value) => ask('/auth/sign-up', { [value]: value }),
    'refresh-token': (value) => ask('/auth/token', { grant_type: 'refresh_token', refresh_token: value }),
    'id-token': (value) =>
      ask('/auth/token', { grant_type: 'id_token', provider: value, id_token: value, device_id: 'planted' }),
    'recovery-proof': (value) => ask('/auth/recovery', { email: 'ana@example.test', proof: value }),
    'token-email': (value) =>
      send(
        '/token',
        {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ sub: newId(), email: `${value}@example.test`, tier: 'free' }),
        },
        'issuer',
      ),
  }
  return Object.entries(ways).map(([id, plant]) => ({
    id,
    plant,
    ...(costly.has(id) ? { costly: true } : {}),
    ...(keptAsSent[id] === undefined ? {} : { keptAsSent: keptAsSent[id] }),
  }))
}

function unsignedToken(value: string): string {
  const part = (json: unknown) => Buffer.from(JSON.stringify(json)).toString('base64url')
  return `${part({ alg: 'none', kid: value })}.${part({ sub: value, email: value, tier: value })}.x`
}

/** Whose answer waits for an image to be read. */
const costly: ReadonlySet<string> = new Set(['ocr-drawn'])

const keptAsSent: Readonly<Record<string, string>> = {
  'push-device-id': 'The client chooses the id of a device; the SDK makes a random one',
  'pull-device-id': 'The client chooses the id of a device; the SDK makes a random one',
  'device-id': 'The client chooses the id of a device; the SDK makes a random one',
  'push-entity-type': 'The name of a collection is metadata that MB-3.1 lists',
  'push-key-id': 'The client chooses the id of a key; the SDK makes a random one',
}
