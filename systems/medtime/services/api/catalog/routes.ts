import { errorAnswer } from '../http/error-answer.ts'
import { failures, type RouteDescription } from '../http/route.ts'
import { downloadAnswer, downloadQuery, medicineAnswer, medicinePath, searchAnswer, searchQuery } from './wire.ts'

const unchanged = 'application/json'

export const catalogRoutes = {
  search: {
    method: 'GET',
    path: '/catalog/search',
    summary: 'Medicines by name, brand or substance, mistyped and half typed as well',
    authenticated: true,
    limit: 'catalog',
    query: searchQuery,
    answers: { 200: searchAnswer, 304: unchanged, 400: errorAnswer, ...failures },
  },
  download: {
    method: 'GET',
    path: '/catalog/download',
    summary: 'The whole catalog, or what changed, so that a device can search by itself',
    authenticated: true,
    limit: 'catalog',
    query: downloadQuery,
    answers: { 200: downloadAnswer, 304: unchanged, 400: errorAnswer, ...failures },
  },
  medicine: {
    method: 'GET',
    path: '/catalog/{id}',
    summary: 'All that is known of one medicine',
    authenticated: true,
    limit: 'catalog',
    params: medicinePath,
    answers: { 200: medicineAnswer, 304: unchanged, 404: errorAnswer, ...failures },
  },
} as const satisfies Record<string, RouteDescription>
