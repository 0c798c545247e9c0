# The story of a day with kubectl. Every line must succeed, and the answers must be these.
set -euo pipefail

source "$(dirname "$0")/../is.sh"

supercargo local add-node --type m6i.xlarge --zone us-east-1a --count 2
supercargo local add-node --type m6i.xlarge --zone us-east-1b --name spare
kubectl wait node --all --for=condition=Ready --timeout=300s
is 3 bash -c 'kubectl get nodes --no-headers | grep -c " Ready "'

kubectl create deployment web --image=nginx --replicas=4
kubectl rollout status deployment/web --timeout=300s
is 4 kubectl get deployment web -o 'jsonpath={.status.availableReplicas}'
kubectl set image deployment/web nginx=nginx:2
kubectl rollout status deployment/web --timeout=300s
is 2 bash -c "kubectl get replicasets --no-headers | wc -l | tr -d ' '"
kubectl rollout undo deployment/web
kubectl rollout status deployment/web --timeout=300s
is nginx kubectl get deployment web -o 'jsonpath={.spec.template.spec.containers[0].image}'
kubectl scale deployment web --replicas=6
kubectl wait deployment web --for='jsonpath={.status.availableReplicas}=6' --timeout=300s

kubectl create poddisruptionbudget web --selector=app=web --min-available=5
kubectl wait poddisruptionbudget web --for='jsonpath={.status.disruptionsAllowed}=1' --timeout=300s
kubectl drain spare --ignore-daemonsets --timeout=300s
is 0 bash -c "kubectl get pods --field-selector=spec.nodeName=spare --no-headers 2>/dev/null | wc -l | tr -d ' '"
kubectl wait deployment web --for='jsonpath={.status.availableReplicas}=6' --timeout=300s
kubectl uncordon spare

kubectl create job encode --image=busybox -- sh -c 'sleep $((10 + RANDOM % 10))'
kubectl wait job encode --for=condition=Complete --timeout=300s
is 1 kubectl get job encode -o 'jsonpath={.status.succeeded}'

kubectl logs deployment/web | grep 'nginx: started nginx'
kubectl logs job/encode --timestamps | grep 'ended with exit code 0'

kubectl top nodes
kubectl top pods
is 6 bash -c "kubectl top pods -l app=web --no-headers | wc -l | tr -d ' '"

kubectl run big --image=nginx --overrides='{"spec":{"containers":[{"name":"big","image":"nginx","resources":{"requests":{"cpu":"64"}}}]}}'
kubectl wait pod big --for=condition=PodScheduled=false --timeout=300s
kubectl describe pod big | grep '0/3 nodes are available: 3 Insufficient cpu.'

supercargo local remove-node spare
kubectl delete deployment web --timeout=300s
kubectl delete pod big
