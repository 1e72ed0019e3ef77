/* The broker's own limit: one C publisher, one C subscriber, QoS 1, over the listener that central uses.
   usage: broker_limit HOST PORT CA CERT KEY TOPIC COUNT BYTES WINDOW      prints messages per second */
#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long wanted, got, sent, acked;
static double first, last;

static double now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec + at.tv_nsec / 1e9;
}

static void on_message(struct mosquitto *m, void *_, const struct mosquitto_message *__) {
  (void)_; (void)__;
  if (got++ == 0) first = now();
  if (got == wanted) { last = now(); mosquitto_disconnect(m); }
}

static void on_publish(struct mosquitto *m, void *_, int __) { (void)m; (void)_; (void)__; acked++; }

static struct mosquitto *client(char **a, const char *id) {
  struct mosquitto *m = mosquitto_new(id, true, NULL);
  mosquitto_int_option(m, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
  mosquitto_int_option(m, MOSQ_OPT_TCP_NODELAY, 1);
  mosquitto_int_option(m, MOSQ_OPT_RECEIVE_MAXIMUM, 65535);
  mosquitto_int_option(m, MOSQ_OPT_SEND_MAXIMUM, 65535);
  if (strcmp(a[3], "-")) mosquitto_tls_set(m, a[3], NULL, a[4], a[5], NULL);
  if (mosquitto_connect(m, a[1], atoi(a[2]), 30)) { fprintf(stderr, "cannot connect\n"); exit(1); }
  return m;
}

int main(int argc, char **a) {
  if (argc < 10) return 2;
  wanted = atol(a[7]);
  int bytes = atoi(a[8]), window = atoi(a[9]), ready[2];
  char id[64];
  if (pipe(ready)) return 1;
  mosquitto_lib_init();
  pid_t child = fork();
  if (child == 0) {
    snprintf(id, sizeof id, "limit-sub-%d", getpid());
    struct mosquitto *m = client(a, id);
    mosquitto_message_callback_set(m, on_message);
    mosquitto_subscribe(m, NULL, a[6], 1);
    for (int n = 0; n < 50; n++) mosquitto_loop(m, 10, 1);
    if (write(ready[1], "x", 1) != 1) return 1;
    while (got < wanted && mosquitto_loop(m, 1000, 1) == 0) {}
    if (got < wanted) { fprintf(stderr, "lost %ld\n", wanted - got); return 1; }
    printf("%.0f\n", (wanted - 1) / (last - first));
    return 0;
  }
  char byte;
  if (read(ready[0], &byte, 1) != 1) return 1;
  snprintf(id, sizeof id, "limit-pub-%d", getpid());
  struct mosquitto *m = client(a, id);
  mosquitto_publish_callback_set(m, on_publish);
  char *payload = malloc(bytes);
  memset(payload, 'x', bytes);
  while (acked < wanted) {
    while (sent < wanted && sent - acked < window)
      if (mosquitto_publish(m, NULL, a[6], bytes, payload, 1, false) == 0) sent++; else break;
    if (mosquitto_loop(m, 100, 1)) break;
  }
  int status;
  waitpid(child, &status, 0);
  return WEXITSTATUS(status);
}
