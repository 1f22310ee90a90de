import './styles/app.css'
import './ui/adopted-style'
import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { createRoot } from 'react-dom/client'
import { onSecondStepWanted, onSignedOut, onSuspended } from './api/client'
import { keys, queryClient } from './api/queries'
import { loadExtras, ready } from './i18n/texts'
import { router } from './router'
import { startLanguage } from './stores/language'
import { watchSystemTheme } from './stores/theme'
import { turnedAway } from './stores/turned-away'
import { forgetView } from './stores/view-as'

// The mode is a constant of the build: a production bundle has neither the branch nor the file.
if (import.meta.env.MODE === 'mock') {
  const { startMock } = await import('./mock-api/start')
  startMock()
}

startLanguage()
watchSystemTheme()
function toTheDoor(): void {
  forgetView()
  queryClient.removeQueries({ queryKey: keys.session })
  void router.navigate({ to: '/login', search: { next: router.state.location.href } })
}
onSignedOut(() => {
  if (router.state.location.pathname !== '/login') toTheDoor()
})
onSuspended((said) => {
  // A log-in that is refused says so itself.
  if (router.state.location.pathname === '/login') return
  turnedAway.note(said)
  toTheDoor()
})
onSecondStepWanted(() => {
  if (router.state.location.pathname === '/second-step') return
  // Read again: what is known of the session is older than the panel's wish.
  queryClient.removeQueries({ queryKey: keys.session })
  void router.navigate({ to: '/second-step', search: { next: router.state.location.href } })
})

function draw(): void {
  const root = document.getElementById('root')
  if (!root) return
  createRoot(root).render(
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={router} />
    </QueryClientProvider>,
  )
}

// The root has words of its own; a page waits for its own. Where they do not come, English stands in.
void ready().then(draw, draw)
// A browser is idle once the first page is drawn; where it can't tell, it is after a second.
if ('requestIdleCallback' in window) requestIdleCallback(loadExtras, { timeout: 4000 })
else setTimeout(loadExtras, 1000)
