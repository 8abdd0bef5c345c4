import type { Mutation } from 'aval'
import { preload } from './preload.ts'

/** Breaks of what is counted and measured of one request: each takes one too much. */
export const sizesMutations: Mutation[] = [
  {
    id: 'blob-a-byte-larger',
    breaks: 'limits/blob/exact',
    description: 'An entity may have one byte more',
    environment: preload('api', 'larger-blobs.ts'),
  },
  ...['push_batch', 'pull_page'].map((limit) => ({
    id: `${limit.replace('_', '-')}-of-101`,
    breaks: `limits/${limit}/exact`,
    description: 'A push and a page may hold 101 entities',
    environment: preload('api', 'larger-batches.ts'),
  })),
  {
    id: 'file-a-byte-larger',
    breaks: 'limits/storage_file/exact',
    description: 'A file may have one byte more',
    environment: preload('api', 'larger-files.ts'),
  },
]
