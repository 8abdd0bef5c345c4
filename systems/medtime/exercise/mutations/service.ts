import type { Mutation } from 'aval'
import { preload } from './preload.ts'

/** Breaks inside the process of the api, which no SQL reaches. */
export const serviceMutations: Mutation[] = [
  {
    id: 'clock-a-day-late',
    breaks: 'behaviour/api/tokens-checked',
    description: 'The clock of the service stands a day back, so that expired tokens are let in',
    environment: preload('api', 'late-clock.ts'),
  },
  {
    id: 'any-signature-of-a-cursor',
    breaks: 'behaviour/api/cursor-guarded',
    description: 'The signature of a cursor is compared with nothing',
    environment: preload('api', 'any-signature.ts'),
  },
  {
    id: 'bombs-unfold',
    breaks: 'behaviour/api/compressed-bodies',
    description: 'The limit of a request is a hundred times what it should be, so that a bomb unfolds',
    environment: preload('api', 'huge-bodies.ts'),
  },
  {
    id: 'errors-tell',
    breaks: 'behaviour/api/errors-are-blind',
    description: 'Errors repeat the address that was asked for',
    environment: preload('api', 'telling-errors.ts'),
  },
  {
    id: 'metrics-by-user',
    breaks: 'behaviour/api/health',
    description: 'A counter is labelled with the id of the user',
    environment: preload('api', 'metrics-by-user.ts'),
  },
]
