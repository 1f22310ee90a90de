import './styles/app.css'
import './ui/adopted-style'
import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { createRoot } from 'react-dom/client'
import { onSignedOut } from './api/client'
import { keys, queryClient } from './api/queries'
import { router } from './router'
import { watchSystemTheme } from './stores/theme'

// The mode is a constant of the build: a production bundle has neither the branch nor the file.
if (import.meta.env.MODE === 'mock') {
  const { startMock } = await import('./mock-api/start')
  startMock()
}

watchSystemTheme()
onSignedOut(() => {
  if (router.state.location.pathname === '/login') return
  queryClient.removeQueries({ queryKey: keys.session })
  void router.navigate({ to: '/login', search: { next: router.state.location.href } })
})

const root = document.getElementById('root')
if (root) {
  createRoot(root).render(
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={router} />
    </QueryClientProvider>,
  )
}
