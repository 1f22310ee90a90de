import { type FormEvent, type ReactNode, useEffect, useRef, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { keys, queryClient, serverQuery } from '~/api/queries'
import type { Server, UpdateServer } from '~/api/types'
import { changedByUs, ifMatch, known } from '~/api/versions'
import { FormProblem } from '~/components/problem-view'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Card, CardHead } from '~/ui/bits'
import { Button } from '~/ui/button'

const t = texts('server_settings')

/** One card, one PATCH: what fails stays in its own form, and saying so too. */
export function SaveCard({
  title,
  note,
  server,
  change,
  dirty,
  check,
  off = false,
  onErrors,
  children,
}: {
  title: string
  note?: string
  server: Server
  change: UpdateServer
  dirty: boolean
  check?: () => boolean
  off?: string | false
  onErrors?: (errors: Record<string, string>) => void
  children: ReactNode
}) {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  // What the reader had before them when they began to type.
  const seen = useRef(server.version)
  useEffect(() => {
    if (!dirty) seen.current = server.version
  }, [dirty, server.version])
  async function submit(event: FormEvent) {
    event.preventDefault()
    if (busy || off !== false || !dirty || (check && !check())) return
    setBusy(true)
    setError(undefined)
    try {
      const version = known(server.id, seen.current)
      const fresh = await must(
        api.PATCH('/servers/{server}', {
          params: { path: { server: server.id }, header: ifMatch(version) },
          body: change,
        }),
      )
      changedByUs(server.id, version, fresh.version)
      seen.current = fresh.version
      queryClient.setQueryData<Server>(keys.server(server.id), (old) => ({ ...(old ?? fresh), ...fresh }))
      void queryClient.invalidateQueries({ queryKey: keys.servers })
      onErrors?.({})
      toast.done(t('saved', { what: title }))
    } catch (thrown) {
      const problem = asProblem(thrown)
      onErrors?.(problem.fields)
      setError(thrown)
      if (problem.code === 'changed_meanwhile') {
        // Shown what is there now; who saves once more means it.
        const now = await queryClient.fetchQuery(serverQuery(server.id)).catch(() => undefined)
        if (now) seen.current = now.version
      }
    } finally {
      setBusy(false)
    }
  }
  return (
    <Card>
      <form onSubmit={submit}>
        <CardHead title={title} note={note} />
        <div className="flex flex-col gap-4 p-4">
          {children}
          <FormProblem error={error} />
          <div className="flex justify-end">
            <Button
              type="submit"
              look="primary"
              busy={busy}
              off={off !== false ? off : dirty ? false : t('unchanged')}
            >
              {t('save')}
            </Button>
          </div>
        </div>
      </form>
    </Card>
  )
}
