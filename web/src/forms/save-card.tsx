import { type FormEvent, type ReactNode, useState } from 'react'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { keys, queryClient, serverQuery } from '~/api/queries'
import type { Server, UpdateServer } from '~/api/types'
import { FormProblem } from '~/components/problem-view'
import { useSeen } from '~/hooks/use-seen'
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
  const seen = useSeen(server.id, server, dirty, () => queryClient.fetchQuery(serverQuery(server.id)))
  async function submit(event: FormEvent) {
    event.preventDefault()
    if (busy || off !== false || !dirty || (check && !check())) return
    setBusy(true)
    setError(undefined)
    try {
      const fresh = await seen.send((header) =>
        must(
          api.PATCH('/servers/{server}', { params: { path: { server: server.id }, header }, body: change }),
        ),
      )
      queryClient.setQueryData<Server>(keys.server(server.id), (old) => ({ ...(old ?? fresh), ...fresh }))
      void queryClient.invalidateQueries({ queryKey: keys.servers })
      onErrors?.({})
      toast.done(t('saved', { what: title }))
    } catch (thrown) {
      onErrors?.(asProblem(thrown).fields)
      setError(thrown)
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
