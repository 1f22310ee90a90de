import { useQuery } from '@tanstack/react-query'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { apiKeysQuery } from '~/api/account'
import { api, must } from '~/api/client'
import { keys } from '~/api/queries'
import { ApiKeyDialog } from '~/forms/api-key-create'
import { usePermissions } from '~/hooks/use-permissions'
import { texts } from '~/i18n/texts'
import { Card, CardHead } from '~/ui/bits'
import { Button } from '~/ui/button'
import { Empty, SkeletonRows } from '~/ui/wait'
import { ApiKeyRow } from './api-key-row'
import { TakeBack } from './credentials'
import { ProblemView } from './problem-view'

const t = texts('api_key')

/** Keys with which scripts do what this account may do, or a part of it. */
export function ApiKeys() {
  const list = useQuery(apiKeysQuery)
  const permissions = usePermissions()
  const [making, setMaking] = useState(false)
  const [removing, setRemoving] = useState<{ id: string; name: string }>()
  return (
    <Card>
      <CardHead title={t('title')} note={list.data?.length}>
        <Button size="sm" icon={Plus} onClick={() => setMaking(true)}>
          {t('new')}
        </Button>
      </CardHead>
      {list.isPending && <SkeletonRows rows={2} />}
      {list.isError && (
        <div className="p-4">
          <ProblemView error={list.error} onRetry={() => void list.refetch()} />
        </div>
      )}
      {list.data?.length === 0 && <Empty title={t('none')}>{t('none_note')}</Empty>}
      <ul aria-label={t('title')}>
        {list.data?.map((key) => (
          <ApiKeyRow key={key.id} apiKey={key} permissions={permissions} onDelete={() => setRemoving(key)} />
        ))}
      </ul>
      <ApiKeyDialog open={making} onClose={() => setMaking(false)} />
      <TakeBack
        item={removing}
        onClose={() => setRemoving(undefined)}
        title={t('delete_title', { name: removing?.name ?? '' })}
        verb={t('delete')}
        failed={t('not_deleted')}
        list={keys.apiKeys}
        take={({ id }) => must(api.DELETE('/account/api-keys/{id}', { params: { path: { id } } }))}
      >
        {t('delete_note')}
      </TakeBack>
    </Card>
  )
}
