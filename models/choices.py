"""Lists that several record types share."""

from models.spec import choices

FAULT_CATEGORIES = choices(
    ("engine", "发动机"), ("transmission", "变速器"), ("brakes", "制动"), ("steering", "转向"), ("chassis", "底盘"),
    ("electrical", "电气"), ("body", "车身"), ("packaging", "包装"), ("appearance", "外观"), ("performance", "性能"),
    ("service_attitude", "服务态度"), ("other", "其他"),
)

SATISFACTION_LEVELS = choices(
    ("very_satisfied", "很满意"), ("satisfied", "满意"), ("neutral", "一般"), ("dissatisfied", "不满意"),
    ("very_dissatisfied", "很不满意"),
)

SURVEY_METHODS = choices(
    ("visit", "登门拜访"), ("form", "发调查表", "Form sent"), ("phone", "电话询问"), ("email", "电子邮件", "E-mail"),
    ("other", "其他方式"),
)

SURVEY_ITEMS = choices(
    ("quality", "产品质量", "Product quality"), ("price", "价格"), ("delivery", "交货期"),
    ("service", "售后服务", "After-sales service"), ("packaging", "包装"), ("communication", "沟通"),
    ("complaint_handling", "投诉处理"), ("other", "其他"),
)

QUALIFICATIONS = choices(
    ("appraiser", "保修鉴定员", "Warranty appraiser"), ("post_certificate", "岗位资格证"), ("repair_skill", "维修技能"),
    ("evaluator", "评价员"),
)

# The 34 provincial divisions, by their usual order; the value is the Chinese name, as it stands on every form.
PROVINCES = choices(*((name, name, english) for name, english in (
    ("北京市", "Beijing"), ("天津市", "Tianjin"), ("河北省", "Hebei"), ("山西省", "Shanxi"), ("内蒙古自治区", "Inner Mongolia"),
    ("辽宁省", "Liaoning"), ("吉林省", "Jilin"), ("黑龙江省", "Heilongjiang"), ("上海市", "Shanghai"), ("江苏省", "Jiangsu"),
    ("浙江省", "Zhejiang"), ("安徽省", "Anhui"), ("福建省", "Fujian"), ("江西省", "Jiangxi"), ("山东省", "Shandong"),
    ("河南省", "Henan"), ("湖北省", "Hubei"), ("湖南省", "Hunan"), ("广东省", "Guangdong"), ("广西壮族自治区", "Guangxi"),
    ("海南省", "Hainan"), ("重庆市", "Chongqing"), ("四川省", "Sichuan"), ("贵州省", "Guizhou"), ("云南省", "Yunnan"),
    ("西藏自治区", "Tibet"), ("陕西省", "Shaanxi"), ("甘肃省", "Gansu"), ("青海省", "Qinghai"), ("宁夏回族自治区", "Ningxia"),
    ("新疆维吾尔自治区", "Xinjiang"), ("台湾省", "Taiwan"), ("香港特别行政区", "Hong Kong"), ("澳门特别行政区", "Macao"),
)))
