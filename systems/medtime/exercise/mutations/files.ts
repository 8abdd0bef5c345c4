import type { Mutation } from 'aval'
import { preload } from './preload.ts'
import { rewriteFunction } from './rewrite.ts'

/** Breaks of the storage of files. */
export const filesMutations: Mutation[] = [
  {
    id: 'files-of-everybody',
    breaks: 'behaviour/api/files-private',
    description: 'A file is found by its id alone, whoever asks, and row security is off',
    sql: [
      rewriteFunction('srv_get_file', [
        { part: 'WHERE f.user_id = p_user AND f.id = p_id', by: 'WHERE f.id = p_id LIMIT 1' },
      ]),
      ...['srv_files', 'srv_file_chunks'].flatMap((table) => [
        `ALTER TABLE public.${table} NO FORCE ROW LEVEL SECURITY`,
        `ALTER TABLE public.${table} DISABLE ROW LEVEL SECURITY`,
      ]),
    ],
  },
  {
    id: 'files-unverified',
    breaks: 'behaviour/api/files-private',
    description: 'What comes is stored whether or not it is what its sender said',
    environment: preload('api', 'unverified-files.ts'),
  },
]
