import { gzipSync, zstdCompressSync } from 'node:zlib'
import type { HttpRequest } from 'aval'
import type { WireEntity } from '../wire.ts'
import { accepted, page, refused } from './answers.ts'
import { caseOf, pull, push, raw } from './scene.ts'

const promise = 'compressed-bodies'

const compress = { gzip: gzipSync, zstd: zstdCompressSync } as const

function compressed(encoding: 'gzip' | 'zstd', body: string | Buffer): HttpRequest {
  return {
    method: 'POST',
    path: '/sync/push',
    headers: { 'content-encoding': encoding },
    base64: compress[encoding](body).toString('base64'),
  }
}

const pushOf = (entities: WireEntity[]) => JSON.stringify({ device_id: 'device-1', entities })

export const compressedBodies = [
  ...(['gzip', 'zstd'] as const).flatMap((encoding) => [
    caseOf(promise, encoding, `A push in ${encoding} is stored like any other`, ({ person, entities }) => {
      const ana = person('ana')
      const batch = entities('dose', 20)
      return [raw(compressed(encoding, pushOf(batch)), accepted(20), ana), pull(ana, '', page(batch))]
    }),
    caseOf(
      promise,
      `${encoding}-bomb`,
      `A push in ${encoding} that unfolds to twice the limit is refused by name`,
      ({ person, entity }) => {
        const ana = person('ana')
        const dose = entity('dose')
        const bomb = Buffer.concat([Buffer.from(pushOf([dose])), Buffer.alloc(2 * 8_388_608, ' ')])
        return [
          raw(compressed(encoding, bomb), refused(413, 'BODY_TOO_LARGE'), ana),
          pull(ana, '', page([])),
          push(ana, [dose], accepted(1)),
        ]
      },
    ),
  ]),
  caseOf(promise, 'others', 'Another encoding, and one that is broken, are refused', ({ person, entity }) => {
    const ana = person('ana')
    const sound = compressed('gzip', pushOf([entity('dose')]))
    return [
      raw({ ...sound, headers: { 'content-encoding': 'br' } }, refused(415, 'UNSUPPORTED_MEDIA_TYPE'), ana),
      raw({ ...sound, headers: { 'content-encoding': 'zstd' } }, refused(400, 'BAD_REQUEST'), ana),
      pull(ana, '', page([])),
    ]
  }),
  caseOf(promise, 'answers', 'An answer above 1 KB is compressed for who accepts it', ({ person, entities }) => {
    const ana = person('ana')
    const batch = entities('dose', 20)
    const get = (encoding: string) => ({
      method: 'GET' as const,
      path: '/sync/pull',
      headers: { 'accept-encoding': encoding },
    })
    return [
      push(ana, batch, accepted(20)),
      raw(get('gzip'), { ...page(batch), headers: { 'content-encoding': 'gzip', vary: 're:accept-encoding' } }, ana),
      raw(get('identity'), { ...page(batch), headers: { 'content-encoding': 'absent:' } }, ana),
    ]
  }),
]
