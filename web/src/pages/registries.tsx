import { useQuery } from '@tanstack/react-query'
import { KeyRound, Plus } from 'lucide-react'
import { useState } from 'react'
import { api, must } from '~/api/client'
import { registriesQuery } from '~/api/panel'
import { keys, sessionQuery } from '~/api/queries'
import type { Registry } from '~/api/types'
import { CredentialRow, TakeBack } from '~/components/credentials'
import { Page, PageHead } from '~/components/page-head'
import { ProblemView } from '~/components/problem-view'
import { type Editing, RegistryDialog } from '~/forms/registry-edit'
import { texts } from '~/i18n/texts'
import { usePage } from '~/stores/page'
import { Card } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Ago } from '~/ui/time'
import { Empty, SkeletonRows } from '~/ui/wait'
import { visible } from '~/util/visible'

const t = texts('registries')

/** Credentials with which nodes pull images that not everybody may have. */
export function RegistriesPage() {
  const session = useQuery(sessionQuery)
  const registries = useQuery(registriesQuery)
  const [editing, setEditing] = useState<Editing>()
  const [removing, setRemoving] = useState<Registry>()
  usePage(t('page'))
  const off = session.data?.permissions.includes('registry.update') ? false : t('no_right')
  return (
    <Page>
      <PageHead title={t('page')} note={registries.data?.length}>
        <Button look="primary" icon={Plus} off={off} onClick={() => setEditing('new')}>
          {t('new')}
        </Button>
      </PageHead>
      <p className="mb-4 max-w-180 text-t2">{t('about')}</p>
      {registries.isError && (
        <ProblemView error={registries.error} onRetry={() => void registries.refetch()} />
      )}
      {registries.isPending && (
        <Card>
          <SkeletonRows rows={3} />
        </Card>
      )}
      {registries.data && (
        <Card>
          {registries.data.length === 0 && (
            <Empty
              title={t('none')}
              action={
                <Button icon={Plus} off={off} onClick={() => setEditing('new')}>
                  {t('new')}
                </Button>
              }
            >
              {t('none_why')}
            </Empty>
          )}
          <ul aria-label={t('page')}>
            {registries.data.map((registry) => (
              <CredentialRow
                key={registry.id}
                icon={KeyRound}
                name={
                  <span className="mono max-sm:whitespace-normal max-sm:[overflow-wrap:anywhere]">
                    {registry.host}
                  </span>
                }
                facts={[
                  registry.username ? t('as_user', { name: visible(registry.username) }) : t('token_alone'),
                  t.rich(registry.updated_at === registry.created_at ? 'added' : 'changed', {
                    when: <Ago at={registry.updated_at} />,
                  }),
                ]}
                action={
                  <span className="flex gap-2">
                    <Button size="sm" off={off} onClick={() => setEditing(registry)}>
                      {t('change')}
                    </Button>
                    <Button size="sm" look="danger" off={off} onClick={() => setRemoving(registry)}>
                      {t('delete')}
                    </Button>
                  </span>
                }
              />
            ))}
          </ul>
        </Card>
      )}
      <RegistryDialog editing={editing} onClose={() => setEditing(undefined)} />
      <TakeBack
        item={removing}
        onClose={() => setRemoving(undefined)}
        title={t('delete_title', { host: removing?.host ?? '' })}
        verb={t('delete')}
        failed={t('delete_failed')}
        typed={removing?.host}
        list={keys.registries}
        take={({ id }) => must(api.DELETE('/registries/{id}', { params: { path: { id } } }))}
      >
        {t('delete_note')}
      </TakeBack>
    </Page>
  )
}
