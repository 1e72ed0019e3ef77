/* A fleet of stations at the broker: each a stream of its own, as docs/reference/fact-bytes.md tells it.
   usage: stations PLAN HOST PORT IDENTITIES|- RATE       prints "begun", and one JSON object

   PLAN holds lines: "S name" begins a station, "F id is_request body" is its next fact (body: JSON without blanks
   at its ends). RATE 0: each station keeps 16 facts in flight; else facts a second in all, evenly spread, whatever
   comes back. A request has arrived when its answer came, any other fact when a resume reached its number. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>

enum { WINDOW = 16, PATIENCE_S = 60, PACKET = 2048 };

struct fact { char *id, *body; int request; double said; float took; };

struct station {
  char *name, fact_topic[128];
  struct mosquitto *mosq;
  struct fact *facts;
  long count, room, sent, upto, answers, requests;
  char central[80];
  int writes;
};

static struct station *stations;
static long fleet, begun, finished, lost_lines;
static double heard_at;
static int poll_fd;
static int (*tls_pending)(const void *);

static double now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec + at.tv_nsec / 1e9;
}

static void fail(const char *what) {
  fprintf(stderr, "stations: %s\n", what);
  exit(1);
}

static void say(struct station *s) {
  static char text[PACKET];
  struct fact *f = &s->facts[s->sent];
  int size = snprintf(text, sizeof text,
      "{\"kind\":\"entry\",\"stream\":\"bench-%s\",\"link\":\"l\",\"to\":\"%s\",\"seq\":%ld,\"id\":\"%s\","
      "\"prev_id\":\"%s\",\"body\":%s}",
      s->name, s->central, s->sent + 1, f->id, s->sent ? f[-1].id : "", f->body);
  f->said = now();
  s->sent++;
  if (mosquitto_publish(s->mosq, NULL, s->fact_topic, size, text, 1, false)) fail("a publish was not taken");
}

static void push(struct station *s) {
  while (s->sent < s->count && s->sent < s->upto + WINDOW) say(s);
}

static void hello(struct station *s) {
  char text[PACKET];
  int size = snprintf(text, sizeof text,
      "{\"kind\":\"hello\",\"stream\":\"bench-%s\",\"link\":\"l\",\"first\":1,\"last\":%ld,\"last_id\":\"%s\","
      "\"seen\":\"\"}",
      s->name, s->count, s->facts[s->count - 1].id);
  mosquitto_publish(s->mosq, NULL, s->fact_topic, size, text, 1, false);
}

static void arrived(struct fact *f) {
  if (f->took == 0) f->took = (float)(now() - f->said);
}

static void on_resume(struct station *s, const char *text, int paced) {
  if (!s->central[0]) {
    const char *at = strstr(text, "\"central\":\"");
    if (!at || sscanf(at + 11, "%79[^\"]", s->central) != 1) fail("a resume names no central");
    begun++;
    return;
  }
  const char *at = strstr(text, "\"upto\":");
  long upto = at ? strtol(at + 7, NULL, 10) : -1;
  if (upto < 0) fail("a resume without upto");
  for (long n = s->upto; n < upto && n < s->sent; n++)
    if (!s->facts[n].request) arrived(&s->facts[n]);
  if (upto > s->upto) s->upto = upto;
  if (!paced) push(s);
}

static void on_answer(struct station *s, const char *text) {
  const char *at = strstr(text, "\"request\":\"");
  if (!at || !strstr(text, "\"outcome\":\"granted\"")) { lost_lines++; if (!at) return; }
  at += 11;
  size_t size = strcspn(at, "\"");
  for (long n = s->sent - 1; n >= 0 && n >= s->sent - 4096; n--) {
    struct fact *f = &s->facts[n];
    if (strlen(f->id) == size && !memcmp(f->id, at, size)) {
      if (f->request && f->took == 0) { s->answers++; arrived(f); }
      return;
    }
  }
}

static double rate;

static void on_message(struct mosquitto *m, void *of, const struct mosquitto_message *got) {
  struct station *s = of;
  static char text[65537];
  (void)m;
  int size = got->payloadlen < 65536 ? got->payloadlen : 65536;
  memcpy(text, got->payload, (size_t)size);
  text[size] = 0;
  heard_at = now();
  int before = s->upto == s->count && s->answers == s->requests;
  if (strstr(got->topic, "/resume")) on_resume(s, text, rate > 0);
  else on_answer(s, text);
  if (!before && s->upto == s->count && s->answers == s->requests) finished++;
}

static void on_subscribe(struct mosquitto *m, void *of, int id, int count, const int *granted) {
  (void)m; (void)id; (void)count; (void)granted;
  hello(of);
}

static void on_connect(struct mosquitto *m, void *of, int code) {
  struct station *s = of;
  char resume[128], answer[128];
  if (code) fail("the broker refuses a station");
  snprintf(resume, sizeof resume, "turnleaf/v1/down/%s/resume", s->name);
  snprintf(answer, sizeof answer, "turnleaf/v1/down/%s/answer", s->name);
  char *both[] = {resume, answer};
  mosquitto_subscribe_multiple(m, NULL, 2, both, 1, 0, NULL);
}

static void on_disconnect(struct mosquitto *m, void *of, int code) {
  (void)m; (void)of;
  if (code) fail("a station lost its connection");
}

static void connect_one(struct station *s, char **a) {
  s->mosq = mosquitto_new(s->name, true, s);
  mosquitto_int_option(s->mosq, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
  mosquitto_int_option(s->mosq, MOSQ_OPT_TCP_NODELAY, 1);
  if (strcmp(a[4], "-")) {
    char ca[512], cert[512], key[512];
    snprintf(ca, sizeof ca, "%s/%s/ca.pem", a[4], s->name);
    snprintf(cert, sizeof cert, "%s/%s/cert.pem", a[4], s->name);
    snprintf(key, sizeof key, "%s/%s/key.pem", a[4], s->name);
    if (mosquitto_tls_set(s->mosq, ca, NULL, cert, key, NULL)) fail("a certificate cannot be used");
  } else {
    mosquitto_username_pw_set(s->mosq, s->name, NULL);
  }
  mosquitto_connect_callback_set(s->mosq, on_connect);
  mosquitto_disconnect_callback_set(s->mosq, on_disconnect);
  mosquitto_subscribe_callback_set(s->mosq, on_subscribe);
  mosquitto_message_callback_set(s->mosq, on_message);
  if (mosquitto_connect(s->mosq, a[2], atoi(a[3]), 120)) fail("cannot connect");
  struct epoll_event want = {.events = EPOLLIN | EPOLLOUT, .data.ptr = s};
  s->writes = 1;
  epoll_ctl(poll_fd, EPOLL_CTL_ADD, mosquitto_socket(s->mosq), &want);
}

static void watch_writes(struct station *s) {
  int writes = mosquitto_want_write(s->mosq);
  if (writes == s->writes) return;
  s->writes = writes;
  struct epoll_event want = {.events = EPOLLIN | (writes ? EPOLLOUT : 0), .data.ptr = s};
  epoll_ctl(poll_fd, EPOLL_CTL_MOD, mosquitto_socket(s->mosq), &want);
}

/* Serve whoever is ready; wait at most so long. */
static void turn(double wait_s) {
  struct epoll_event ready[256];
  struct timespec most = {(time_t)wait_s, (long)((wait_s - (double)(time_t)wait_s) * 1e9)};
  int count = epoll_pwait2(poll_fd, ready, 256, &most, NULL);
  for (int n = 0; n < count; n++) {
    struct station *s = ready[n].data.ptr;
    if (ready[n].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
      void *tls;
      do {
        if (mosquitto_loop_read(s->mosq, 1)) fail("a station cannot read");
        tls = mosquitto_ssl_get(s->mosq);
      } while (tls && tls_pending(tls) > 0);
    }
    if (mosquitto_want_write(s->mosq)) mosquitto_loop_write(s->mosq, 1);
    watch_writes(s);
  }
}

static char *copy(const char *from, size_t size) {
  char *made = malloc(size + 1);
  memcpy(made, from, size);
  made[size] = 0;
  return made;
}

static void read_plan(const char *path) {
  FILE *file = fopen(path, "r");
  char *line = NULL;
  size_t size = 0;
  ssize_t got;
  if (!file) fail("the plan cannot be read");
  while ((got = getline(&line, &size, file)) > 0) {
    if (line[got - 1] == '\n') line[--got] = 0;
    if (line[0] == 'S') {
      if (fleet % 256 == 0) stations = realloc(stations, (size_t)(fleet + 256) * sizeof *stations);
      struct station *s = &stations[fleet++];
      memset(s, 0, sizeof *s);
      s->name = copy(line + 2, (size_t)got - 2);
      snprintf(s->fact_topic, sizeof s->fact_topic, "turnleaf/v1/up/%s/fact", s->name);
    } else if (line[0] == 'F' && fleet) {
      struct station *s = &stations[fleet - 1];
      if (s->count == s->room) s->facts = realloc(s->facts, (size_t)(s->room += 64) * sizeof *s->facts);
      struct fact *f = &s->facts[s->count++];
      char *id = line + 2, *end = strchr(id, ' ');
      memset(f, 0, sizeof *f);
      f->id = copy(id, (size_t)(end - id));
      f->request = end[1] == '1';
      s->requests += f->request;
      f->body = strdup(end + 3);
    }
  }
  fclose(file);
  free(line);
}

static int ascending(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static double cpu(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void report(long facts, double took, double used) {
  float *waits = malloc((size_t)facts * sizeof *waits);
  long known = 0, answers = 0;
  for (long n = 0; n < fleet; n++) {
    answers += stations[n].answers;
    for (long k = stations[n].count / 10; k < stations[n].count; k++)  /* the first tenth warms up */
      if (stations[n].facts[k].took > 0) waits[known++] = stations[n].facts[k].took;
  }
  qsort(waits, (size_t)known, sizeof *waits, ascending);
  printf("{\"stations\":%ld,\"facts\":%ld,\"facts_per_s\":%.1f,\"answers\":%ld,\"refused\":%ld,\"p50_ms\":%.3f,"
         "\"p99_ms\":%.3f,\"max_ms\":%.3f,\"cpu_share\":%.3f,\"cpu_us\":%.1f}\n",
         fleet, facts, (double)facts / took, answers, lost_lines, waits[known / 2] * 1e3, waits[known * 99 / 100] * 1e3,
         waits[known - 1] * 1e3, used / took, used / (double)facts * 1e6);
}

int main(int argc, char **a) {
  if (argc != 6) return 2;
  rate = atof(a[5]);
  read_plan(a[1]);
  mosquitto_lib_init();
  *(void **)&tls_pending = dlsym(RTLD_DEFAULT, "SSL_pending");
  poll_fd = epoll_create1(0);
  long facts = 0;
  for (long n = 0; n < fleet; n++) {
    connect_one(&stations[n], a);
    facts += stations[n].count;
    turn(0);
  }
  heard_at = now();
  while (begun < fleet) {
    turn(0.1);
    if (now() - heard_at > PATIENCE_S) fail("central does not answer a hello");
  }
  puts("begun");  /* whoever counts processor time and syncs counts from here: all are connected */
  fflush(stdout);
  double used = cpu(), start = now();
  heard_at = start;
  long said = 0;
  if (rate == 0) for (long n = 0; n < fleet; n++) { push(&stations[n]); turn(0); }
  double misc_at = start + 1;
  while (finished < fleet) {
    double wait_s = 0.1;
    if (rate > 0 && said < facts) {
      while (said < facts && now() >= start + (double)said / rate) {
        struct station *s = &stations[said % fleet];
        if (s->sent < s->count) { say(s); watch_writes(s); }
        said++;
      }
      double rest = start + (double)said / rate - now();
      wait_s = rest < 0 ? 0 : rest < wait_s ? rest : wait_s;
    }
    turn(wait_s);
    if (now() > misc_at) {
      misc_at += 1;
      for (long n = 0; n < fleet; n++) mosquitto_loop_misc(stations[n].mosq);
    }
    if (now() - heard_at > PATIENCE_S) fail("central fell silent before all was confirmed and answered");
  }
  report(facts, now() - start, cpu() - used);
  for (long n = 0; n < fleet; n++) mosquitto_disconnect(stations[n].mosq);
  return 0;
}
