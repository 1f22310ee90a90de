import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { backupSettingsQuery } from '~/api/backups'
import { api, must } from '~/api/client'
import { asProblem } from '~/api/problem'
import { keys, queryClient } from '~/api/queries'
import type { BackupList, BackupSettings, Server } from '~/api/types'
import { FormProblem, ProblemView } from '~/components/problem-view'
import { useSeen } from '~/hooks/use-seen'
import { texts } from '~/i18n/texts'
import { toast } from '~/stores/toasts'
import { Card, CardHead } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Field, Select, Textarea } from '~/ui/field'
import { SkeletonRows } from '~/ui/wait'
import { type BackupDraft, draftOf, settingsOf, wrongIn } from '~/util/backup-settings'
import { visible } from '~/util/visible'
import { BackupHooksFields } from './backup-hooks'
import { BackupRetentionFields } from './backup-retention'

const t = texts('backup_settings')

type Stores = BackupList['stores']

/** How a server is backed up: where to, what is left out, what is kept, what its game is told. */
export default function BackupSettingsCard({ server, stores }: { server: Server; stores: Stores }) {
  const settings = useQuery(backupSettingsQuery(server.id))
  return (
    <Card>
      <CardHead title={t('title')} note={t('note')} />
      {settings.isPending && <SkeletonRows rows={4} />}
      {settings.isError && (
        <div className="p-4">
          <ProblemView error={settings.error} onRetry={() => void settings.refetch()} />
        </div>
      )}
      {settings.data && <SettingsForm server={server} stores={stores} settings={settings.data} />}
    </Card>
  )
}

function useSettings(server: Server, settings: BackupSettings) {
  const { version, ...stored } = settings
  const [typed, setTyped] = useState<BackupDraft>()
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>()
  const draft = typed ?? draftOf(stored)
  const body = settingsOf(draft)
  const dirty = typed !== undefined && JSON.stringify(body) !== JSON.stringify(settingsOf(draftOf(stored)))
  const wrong = typed ? wrongIn(draft) : {}
  const query = backupSettingsQuery(server.id)
  const seen = useSeen(`${server.id}/backup-settings`, { version }, dirty, () =>
    queryClient.fetchQuery({ ...query, staleTime: 0 }),
  )
  async function save() {
    setBusy(true)
    setError(undefined)
    try {
      const fresh = await seen.send((header) =>
        must(
          api.PUT('/servers/{server}/backup-settings', {
            params: { path: { server: server.id }, header },
            body,
          }),
        ),
      )
      queryClient.setQueryData<BackupSettings>(keys.backupSettings(server.id), fresh)
      setTyped(undefined)
      toast.done(t('saved'))
    } catch (thrown) {
      setError(thrown)
    } finally {
      setBusy(false)
    }
  }
  const problem = error ? asProblem(error) : undefined
  return {
    draft,
    dirty,
    busy,
    problem,
    ready: dirty && Object.keys(wrong).length === 0,
    errors: { ...problem?.fields, ...wrong } as Record<string, string | undefined>,
    change: (some: Partial<BackupDraft>) => setTyped({ ...draft, ...some }),
    forget: () => {
      setTyped(undefined)
      setError(undefined)
    },
    save,
  }
}

function SettingsForm({
  server,
  stores,
  settings,
}: {
  server: Server
  stores: Stores
  settings: BackupSettings
}) {
  const { draft, dirty, busy, problem, ready, errors, change, forget, save } = useSettings(server, settings)
  const may = (key: string) => server.permissions.includes(key)
  const off = !may('backup.create') && t('off.create')
  const known = stores.some(({ id }) => id === draft.store)
  return (
    <form
      onSubmit={(event: FormEvent) => {
        event.preventDefault()
        if (ready && !busy && !off) void save()
      }}
    >
      <div className="flex flex-col gap-5 p-4">
        {(stores.length > 1 || (draft.store !== '' && !known)) && (
          <Field label={t('store')} help={t('store.help')} error={errors.store}>
            {(ids) => (
              <Select
                {...ids}
                disabled={off !== false}
                value={draft.store}
                onChange={(event) => change({ store: event.target.value })}
              >
                <option value="">{t('store.first', { name: visible(stores[0]?.name ?? '') })}</option>
                {draft.store !== '' && !known && <option value={draft.store}>{t('store.gone')}</option>}
                {stores.map(({ id, name }) => (
                  <option key={id} value={id}>
                    {visible(name)}
                  </option>
                ))}
              </Select>
            )}
          </Field>
        )}
        <Field
          label={t('ignore')}
          note={t('optional')}
          error={errors.ignore}
          help={t.rich('ignore.help', {
            link: (inner) => (
              <Link
                to="/servers/$server/files"
                params={{ server: server.id }}
                search={{ edit: '/.pteroignore' }}
                className="text-accent underline underline-offset-2"
              >
                {inner}
              </Link>
            ),
          })}
        >
          {(ids) => (
            <Textarea
              {...ids}
              rows={Math.min(12, Math.max(4, draft.ignore.split('\n').length + 1))}
              className="mono text-12!"
              spellCheck={false}
              autoCapitalize="none"
              placeholder="logs/"
              disabled={off !== false}
              value={draft.ignore}
              onChange={(event) => change({ ignore: event.target.value })}
            />
          )}
        </Field>
        <BackupRetentionFields
          draft={draft}
          errors={errors}
          off={off || (!may('backup.delete') && t('off.retention'))}
          onChange={change}
        />
        <BackupHooksFields
          egg={server.egg.name}
          draft={draft}
          errors={errors}
          off={off || (!may('control.console') && t('off.hooks'))}
          onChange={change}
        />
        {problem && Object.keys(problem.fields).length === 0 && <FormProblem error={problem} />}
      </div>
      <div className="flex justify-end gap-2 border-t border-line px-4 py-3">
        {dirty && <Button onClick={forget}>{t('forget')}</Button>}
        <Button
          type="submit"
          look="primary"
          busy={busy}
          off={off || (!dirty && t('unchanged')) || (!ready && t('wrong'))}
        >
          {t('save')}
        </Button>
      </div>
    </form>
  )
}
